// The few messages of PostgreSQL's wire protocol (version 3) that the embedded connection has to know.

const HEADER = 5; // type, then a length that counts itself

/** What a server says when a client has been let in: AuthenticationOk, then ReadyForQuery between transactions. */
export const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

/**
 * What one session has to forget before its next client: a Sync ends an extended query that was broken off, then the open
 * transaction goes, then settings, named statements, LISTEN, temporary tables and advisory locks.
 */
export function forgetEverything(): Uint8Array<ArrayBuffer> {
  return exact([Buffer.from([0x53, 0, 0, 0, 4]), queryMessage('rollback'), queryMessage('discard all')]);
}

function queryMessage(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.alloc(HEADER);
  head.write('Q');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

// After these the server answers: Sync, Query, Flush. (Terminate needs no answer: the stream's end follows it.)
const ANSWERED = new Set(['S', 'Q', 'H'].map((letter) => letter.charCodeAt(0)));

/** Gathers what a client writes into exchanges: whole messages up to the last one that the server answers. */
export class ExchangeReader {
  #started = false;
  /** The beginning of a message whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Whole messages that no answered one has followed yet. */
  #unanswered: Buffer[] = [];

  /** `hello`: the start-up message was among the bytes; `exchange`: what has to be sent now. */
  read(chunk: Buffer): { hello: boolean; exchange: Uint8Array<ArrayBuffer> | undefined } {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let hello = false;
    let begin = 0;
    if (!this.#started && bytes.length >= 4 && bytes.length >= bytes.readInt32BE(0)) {
      begin = bytes.readInt32BE(0); // the start-up message alone has no type
      this.#started = hello = true;
    }
    let end = begin;
    let answered = begin;
    while (this.#started && bytes.length >= end + HEADER) {
      const next = end + 1 + bytes.readInt32BE(end + 1);
      if (bytes.length < next) break;
      if (ANSWERED.has(bytes.readUInt8(end))) answered = next;
      end = next;
    }
    const exchange =
      answered === begin ? undefined : exact([...this.#unanswered.splice(0), bytes.subarray(begin, answered)]);
    if (end > answered) this.#unanswered.push(bytes.subarray(answered, end));
    this.#rest = bytes.subarray(end);
    return { hello, exchange };
  }
}

/** One array of its own memory, so that it can be handed to another thread without a copy. */
function exact(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
