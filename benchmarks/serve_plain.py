"""The simplest server of a GPT-2: `transformers` behind FastAPI, one request at a time.

    python benchmarks/serve_plain.py FOLDER

It writes greedily, and as many tokens as are asked for.
"""

import json
import sys
import threading

import torch
import transformers
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class Asked(BaseModel):
    """What is read of a request; the rest of it is ignored."""

    prompt: str
    max_tokens: int
    stream: bool = False


def app_of(folder):
    """The app."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    load = transformers.GPT2LMHeadModel.from_pretrained
    model = load(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    app, one_at_a_time = FastAPI(), threading.Lock()

    @torch.inference_mode()
    def write(asked, streamer=None):
        inputs = tokenizer(asked.prompt, return_tensors="pt")
        options = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        with one_at_a_time:
            ids = model.generate(
                **inputs, max_new_tokens=asked.max_tokens, streamer=streamer, **options
            )
        return tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :])

    def events(asked):
        streamer = transformers.TextIteratorStreamer(tokenizer, skip_prompt=True)
        threading.Thread(target=write, args=(asked, streamer)).start()
        for piece in streamer:
            yield f"data: {json.dumps({'choices': [{'text': piece}]})}\n\n"
        yield "data: [DONE]\n\n"

    @app.post("/v1/completions")
    def completions(asked: Asked):
        if asked.stream:
            return StreamingResponse(events(asked), media_type="text/event-stream")
        return {"choices": [{"text": write(asked)}]}

    return app


class Server(uvicorn.Server):
    """uvicorn, which says where it listens, on a free port."""

    async def startup(self, sockets=None):
        """Begin to listen."""
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}/v1", flush=True)


def main():
    """Serve."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    Server(uvicorn.Config(app_of(sys.argv[1]), port=0, log_level="warning")).run()


if __name__ == "__main__":
    main()
