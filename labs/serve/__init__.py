"""A GPT behind an HTTP endpoint that OpenAI's clients talk to: `python -m labs.serve`.

Read `batch`, then `engine`: how many requests share one model. The rest is around it: `text` makes
words of tokens, `worker` runs the engine in a thread, `api` speaks HTTP.
"""
