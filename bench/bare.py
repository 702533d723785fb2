"""What to compare with: a relay that does nothing but call the vendor's SDK, `python bench/bare.py PORT`.

No client, no database, no plan, no history: one FastAPI route around the OpenAI SDK as its documentation
shows it. What csai costs less than this, it saves by decoding the stream itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
vendor = AsyncOpenAI(max_retries=0)


@app.post("/chat/message")
async def relay(request: Request) -> Response:
    question = (await request.json())["message"]
    deltas = _deltas(question)
    if "text/event-stream" in request.headers.get("accept", ""):
        events = (f"data: {json.dumps({'text': text})}\n\n".encode() async for text in deltas)
        return StreamingResponse(events, media_type="text/event-stream")
    return JSONResponse({"status": "completed", "content": "".join([text async for text in deltas])})


async def _deltas(question: str) -> AsyncIterator[str]:
    stream = await vendor.chat.completions.create(
        model=os.environ["BENCH_MODEL"],
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
