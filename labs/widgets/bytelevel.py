"""A byte-level byte-pair encoding of Hugging Face's `tokenizers`, as far as the page needs it."""

FIXED = {"dropout": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
END = "<|endoftext|>"


def read(raw, vocabulary, folder):
    """The tokenizer of a tokenizer.json, parsed: {tokens: texts by id, merges: [[left, right]],
    special: {text: id}, end: id or None}.

    `vocabulary`: how many tokens the model has. Raises ValueError for another kind of tokenizer,
    one that lacks a byte, and one with more tokens than the model.
    """
    where = f"{folder}/tokenizer.json"
    try:
        model = raw["model"]
        _check_kind(raw, model, where)
        merges = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
        special = {token["content"]: token["id"] for token in _added(raw, where)}
        tokens = _by_id(model["vocab"], special, vocabulary, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{where}: expected a file of Hugging Face's tokenizers, got one without {error}; save "
            "the tokenizer again"
        ) from error
    return {"tokens": tokens, "merges": merges, "special": special, "end": special.get(END)}


def signs():
    """The visible sign that stands for each of the 256 bytes: printable ones for themselves, the
    rest from U+0100 on.
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}


def _check_kind(raw, model, where):
    split = raw.get("pre_tokenizer") or {}
    kind = model.get("type"), split.get("type")
    byte_level = kind == ("BPE", "ByteLevel") and split.get("use_regex", True)
    odd = {name: model.get(name) or None for name in FIXED} != FIXED or model.get("ignore_merges")
    if not byte_level or split.get("add_prefix_space") or raw.get("normalizer") or odd:
        raise ValueError(
            f"{where}: expected a byte-level BPE as GPT-2 has it, without a normalizer and without "
            f"add_prefix_space, got {kind[0]} after {kind[1]}; train one with labs.gpt.tokenizer"
        )


def _added(raw, where):
    added = raw.get("added_tokens") or []
    for token in added:
        if token.get("single_word") or token.get("lstrip") or token.get("rstrip"):
            raise ValueError(
                f"{where}: expected added tokens that stand for their text alone, got "
                f"{token['content']!r}, which takes spaces along; add it without lstrip and rstrip"
            )
    return added


def _by_id(vocab, special, vocabulary, where):
    ids = vocab | special
    most = max(ids.values(), default=-1)
    if most >= vocabulary:
        raise ValueError(
            f"{where}: expected ids below the model's {vocabulary}, got {most}; "
            "the tokenizer belongs to another model"
        )
    lacking = [byte for byte, sign in signs().items() if sign not in vocab]
    if lacking:
        raise ValueError(
            f"{where}: expected a token for each of the 256 bytes, so that any text has tokens; "
            f"got none for {len(lacking)} of them, such as {bytes(lacking[:1])!r}; train it with "
            "initial_alphabet=ByteLevel.alphabet()"
        )
    tokens = [""] * (most + 1)
    for token, position in ids.items():
        tokens[position] = token
    return tokens
