/**
 * The model's own thread. It answers `{id, ask, ...}` with `{id, found}`, in any order, and what
 * fails with `{id, fault}`: `key` and `values` of a sentence in the table of words, or `message`.
 *
 * - `load`      {packed}: makes the model ready
 * - `show`      {ids | text, bits}: takes a text as the one that is shown, and reads it: its tokens
 * - `generate`  {ids | text, bits, settings, most}: shows it and goes on from it, with `{id, part}`
 *               for its beginning and each new token, and in the end why there are no more
 * - `look`      {place, settings}: what was likely at a place of the text shown, and what it
 *               attends to
 * - `stop`      ends what goes on
 * - `encode`, `decode`, `logits`  {text, ids, bits}: the parts of the model, for whoever asks
 *
 * It listens between two tokens, so a newer `show` or `generate` ends the one that goes on.
 */
import { Tokenizer } from "./bpe.js";
import { attentionAt, Cache, logitsAt, read } from "./network.js";
import { quantized } from "./quantize.js";
import { choices, draw } from "./sample.js";
import { unpack } from "./unpack.js";

const BARS = 10;
let model = null;                       // what was loaded
let shown = null;                       // the text that is shown: its cache, its tensors, its bits
let turn = 0;                           // counts what may go on; an older one ends

/** What a reader can mend. */
class Refusal extends Error {
  constructor(key, values) {
    super(key);
    Object.assign(this, { key, values });
  }
}

const answers = {
  async load({ packed }) {
    const { head, tensors } = await unpack(packed);
    const { config, shapes, tokenizer } = head;
    model = { config, shapes, tensors, tokenizer: new Tokenizer(tokenizer), end: tokenizer.end };
    shown = { cache: new Cache(config), bits: 16, tensors };
    return {};
  },

  async show(asked) {
    const mine = ++turn;
    const ids = idsOf(asked);
    const whole = await readAll(ids, asked.bits, () => turn === mine);
    return whole ? { ids, pieces: piecesOf(ids) } : { ended: "stopped" };
  },

  async generate(asked, tell) {
    const mine = ++turn, goesOn = () => turn === mine;
    const ids = idsOf(asked);
    if (!(await readAll(ids, asked.bits, goesOn))) return { ended: "stopped" };
    tell({ start: { ids, pieces: piecesOf(ids) } });
    const room = model.config.context - ids.length;
    return goOn(Math.min(room, asked.most ?? Infinity), asked.settings, goesOn, tell);
  },

  look({ place, settings }) {
    const { cache } = shown;
    const bars = place > 0 && place <= cache.ids.length ? barsAt(place, settings) : null;
    const there = place < cache.ids.length;
    return { bars, attention: there ? attentionAt(place, cache, model.config) : null };
  },

  stop() {
    turn++;
    return {};
  },

  encode: ({ text }) => ({ ids: model.tokenizer.encode(text) }),
  decode: ({ ids }) => ({ text: model.tokenizer.decode(ids) }),

  /** The logits of the token after a text, in a cache of their own. */
  logits(asked) {
    const { config, shapes, tensors } = model;
    const own = quantized(tensors, shapes, asked.bits), cache = new Cache(config);
    const ids = idsOf(asked);
    for (const id of ids) read(id, cache, config, own);
    return { logits: logitsAt(ids.length - 1, cache, config, own) };
  },
};

/** The tokens of a text; one token at least, as a model needs something to go on from. */
function idsOf({ ids, text }) {
  const { tokenizer, config, end } = model;
  if (text !== undefined) {
    const bytes = new TextEncoder().encode(text).length;
    const least = Math.ceil(bytes / tokenizer.longest);         // spares cutting a whole library
    if (least > config.context) throw tooLong("talk.far_too_long", least);
    ids = tokenizer.encode(text);
  }
  if (ids.length > config.context) throw tooLong("talk.too_long", ids.length);
  if (ids.length) return ids;
  if (end === null) throw new Refusal("talk.empty", {});
  return [end];
}

function tooLong(key, count) {
  return new Refusal(key, { count, context: model.config.context });
}

/** Read the tokens that are not yet in the cache. Whether it came to the end. */
async function readAll(ids, bits, goesOn) {
  if (shown.bits !== bits) {
    const tensors = quantized(model.tensors, model.shapes, bits);
    shown = { cache: shown.cache, bits, tensors };
    shown.cache.cut(0);
  }
  const { cache } = shown;
  let same = 0;
  while (same < ids.length && cache.ids[same] === ids[same]) same++;
  cache.cut(same);
  for (const id of ids.slice(same)) {
    await aMoment();
    if (!goesOn()) return false;
    read(id, cache, model.config, shown.tensors);
  }
  return true;
}

async function goOn(most, settings, goesOn, tell) {
  const { cache, tensors } = shown, { config, tokenizer, end } = model;
  const decoder = tokenizer.decoder();
  tokenizer.pieces(cache.ids, decoder);
  let count = 0, ended = "count";
  for (; count < most; count++) {
    await aMoment();
    if (!goesOn()) { ended = "stopped"; break; }
    const place = cache.ids.length;
    const choice = choices(logitsAt(place - 1, cache, config, tensors), settings);
    const id = draw(choice, settings.seed, place);
    if (id === end) { ended = "end"; break; }
    read(id, cache, config, tensors);
    tell({ token: { id, piece: tokenizer.pieces([id], decoder)[0], bars: barsOf(choice, id) } });
  }
  if (cache.ids.length >= config.context && ended === "count") ended = "context";
  return { ended, count, tail: decoder.decode() };
}

/** The texts of tokens; the last of them ends a character that was begun. */
function piecesOf(ids) {
  const decoder = model.tokenizer.decoder();
  const pieces = model.tokenizer.pieces(ids, decoder);
  pieces[pieces.length - 1] += decoder.decode();
  return pieces;
}

/** What was likely at a place: of the text's own token there, or of the next one after its end. */
function barsAt(place, settings) {
  const { cache, tensors } = shown;
  const logits = logitsAt(place - 1, cache, model.config, tensors);
  return barsOf(choices(logits, settings), cache.ids[place] ?? null);
}

/**
 * @typedef {object} Bar
 * @property {number} id
 * @property {string} text
 * @property {number} share its probability after temperature
 * @property {number} drawn its probability of being drawn, 0 where it was cut away
 * @property {number} rank 0 for the likeliest
 *
 * @typedef {object} Bars
 * @property {Bar[]} bars the likeliest, and the chosen one
 * @property {number | null} chosen its id
 * @property {number} kept how many tokens may be drawn
 * @property {number} count how many there are
 */

/** @returns {Bars} */
function barsOf({ order, shares, kept, within }, chosen) {
  const bar = (rank) => ({
    id: order[rank], text: textOf(order[rank]), rank, share: shares[rank],
    drawn: rank < kept ? shares[rank] / within : 0,
  });
  const bars = Array.from({ length: Math.min(BARS, order.length) }, (_, rank) => bar(rank));
  const rank = chosen === null ? -1 : order.indexOf(chosen);
  if (rank >= bars.length) bars[bars.length - 1] = bar(rank);
  return { bars, chosen, kept, count: order.length };
}

const textOf = (id) => model.tokenizer.decode([id]);

/** Lets the messages that came in be heard. A timer would wait for 4 ms, this waits for nothing. */
function aMoment() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); resolve(); };
    port2.postMessage(null);
  });
}

onmessage = async ({ data }) => {
  const { id, ask } = data;
  try {
    const found = await answers[ask](data, (part) => postMessage({ id, part }));
    postMessage({ id, found });
  } catch (error) {
    const { key, values, message } = error;
    postMessage({ id, fault: { key, values, message } });
  }
};
