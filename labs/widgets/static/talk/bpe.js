/**
 * Byte-level byte-pair encoding as GPT-2 has it: text is cut into words, a word into the bytes of
 * its UTF-8, and of neighbours the pair that was learned first is joined, until none is left.
 */

/** GPT-2's words. White space is Unicode's, which is not quite that of a regular expression. */
const WORDS = new RegExp(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
  + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");

/**
 * @typedef {object} Vocabulary
 * @property {string[]} tokens by id, written with a visible sign for every byte
 * @property {[string, string][]} merges first the pair that was learned first
 * @property {Record<string, number>} special texts that are tokens as a whole
 */

export class Tokenizer {
  /** @param {Vocabulary} vocabulary */
  constructor({ tokens, merges, special }) {
    const signs = signsOfBytes();
    this.signs = signs;
    this.bytes = new Map(signs.map((sign, byte) => [sign, byte]));
    this.tokens = tokens;
    this.ids = new Map(tokens.map((token, id) => [token, id]));
    this.ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
    this.special = special;
    this.names = new Map(Object.entries(special).map(([text, id]) => [id, text]));
    this.known = new Map();
    const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    const longest = Object.keys(special).sort((a, b) => b.length - a.length).map(escaped);
    this.cut = longest.length ? new RegExp(`(${longest.join("|")})`, "u") : null;
  }

  /** The ids of a text. @param {string} text @returns {number[]} */
  encode(text) {
    const pieces = this.cut ? text.split(this.cut) : [text];
    return pieces.flatMap((piece) => {
      if (Object.hasOwn(this.special, piece)) return [this.special[piece]];
      return (piece.match(WORDS) ?? []).flatMap((word) => this.ofWord(word));
    });
  }

  ofWord(word) {
    let ids = this.known.get(word);
    if (!ids) {
      ids = this.joined(word);
      if (this.known.size < 20_000) this.known.set(word, ids);
    }
    return ids;
  }

  joined(word) {
    const parts = Array.from(new TextEncoder().encode(word), (byte) => this.signs[byte]);
    for (;;) {
      let best = Infinity, at = -1;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.ranks.get(`${parts[i]} ${parts[i + 1]}`);
        if (rank < best) [best, at] = [rank, i];
      }
      if (at < 0) return parts.map((part) => this.ids.get(part));
      parts.splice(at, 2, parts[at] + parts[at + 1]);
    }
  }

  /** The bytes of a token; none for an id that no token has. */
  bytesOf(id) {
    if (this.names.has(id)) return new TextEncoder().encode(this.names.get(id));
    return Uint8Array.from(this.tokens[id] ?? "", (sign) => this.bytes.get(sign));
  }

  /**
   * The text of each token. Where several make one character it stands with the last of them.
   * @param {number[]} ids
   */
  pieces(ids, decoder = this.decoder()) {
    return ids.map((id) => decoder.decode(this.bytesOf(id), { stream: true }));
  }

  /** The text of tokens. */
  decode(ids) {
    const decoder = this.decoder();
    return this.pieces(ids, decoder).join("") + decoder.decode();
  }

  /** What puts bytes together, some now and some later. */
  decoder() {
    return new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /** The most bytes that a token has. */
  get longest() {
    return this.tokens.reduce((most, token) => Math.max(most, token.length), 1);
  }
}

/** A visible sign for each byte: printable ones stand for themselves, the rest from U+0100 on. */
function signsOfBytes() {
  const plain = (byte) =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(plain(byte) ? byte : next++));
}
