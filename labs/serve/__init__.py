"""A GPT behind an HTTP endpoint that OpenAI's clients talk to: `python -m labs.serve`.

Read `batch`, then `engine`: how many requests share one model. The rest is around it: `text` makes
words of tokens, `worker` runs the engine in a thread, `service` holds all together, `api` speaks
HTTP. It stands on FastAPI and uvicorn. LitServe (0.2.19), which does too, has chats but no
completions, nothing for clients that hang up or that are too many, and leaves the batch to its
user: there was nothing to save.
"""
