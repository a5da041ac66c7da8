"""What a client may ask, as OpenAI's interface has it; FastAPI checks it and documents it.

Numbers are not taken for texts, nor texts for numbers. A field that would change the text and is
not served is refused unless it has the value that changes nothing.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator


def _of_characters(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected a text in Unicode, without halves of surrogate pairs") from None
    return text


Characters = Annotated[str, AfterValidator(_of_characters)]
StopString = Annotated[str, Field(min_length=1, max_length=256)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class StreamOptions(BaseModel):
    """`include_usage`: count the tokens in a last chunk."""

    model_config = ConfigDict(strict=True)
    include_usage: bool = False


class Asked(BaseModel):
    """What both endpoints take.

    `max_tokens`: how many tokens may follow. `temperature`, `top_p`, `top_k`, `seed`: how they are
    drawn, as in `labs.gpt.generate`; without a seed, each time differently. `stop`: up to 4 strings
    before which the text ends. `ignore_eos`: do not end at the end of a document.
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    model: str
    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    seed: Seed | None = None
    stop: list[StopString] = Field([], max_length=4)
    ignore_eos: bool = False
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    n: Literal[1] = 1
    presence_penalty: Literal[0] = 0
    frequency_penalty: Literal[0] = 0
    user: str | None = None
    metadata: dict | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, data):
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_several(cls, stop):
        return [stop] if isinstance(stop, str) else stop


class Completion(Asked):
    """The text that follows `prompt`; an empty one begins a new document."""

    prompt: Characters
    best_of: Literal[1] = 1
    echo: Literal[False] = False
    chat: ClassVar = False

    @property
    def most(self):
        """The most tokens that may follow, or None."""
        return self.max_tokens


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(strict=True)
    role: Literal["system", "developer", "user", "assistant"]
    content: Characters


class Chat(Asked):
    """The assistant's next turn after `messages`; see `prompt`."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: Literal[False] = False
    chat: ClassVar = True

    @property
    def most(self):
        """The most tokens that may follow, or None."""
        return self.max_completion_tokens or self.max_tokens

    def prompt(self):
        """The conversation as one text, and what ends the assistant's turn.

            {content of a system message}

            User: {content}

            Assistant: {content}

            Assistant:

        with an empty line between two turns. The text ends where the model would begin another turn
        of the user. A model that was not trained on such texts does not follow them.
        """
        says = {"user": "User: ", "assistant": "Assistant: "}
        turns = [says.get(turn.role, "") + turn.content for turn in self.messages]
        return "\n\n".join([*turns, "Assistant:"]), ["\n\nUser:"]
