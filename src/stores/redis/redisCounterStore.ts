// Counters in Redis, shared by all processes: one hash a tenant, one script call a charge.
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply, ChargeRequest } from '../../core/quota/charge.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { DECIDE_SCRIPT, DECIDE_SHA1, decideArguments, decideReply, keyOf } from './decide.js';
import type { RedisConnection } from './redisConnection.js';
import { chargeError, mayHaveForgotten, replyCode } from './redisErrors.js';

/** How the counters lie in Redis. */
export interface RedisCounterStoreOptions {
  /**
   * What every key begins with; two installations on one Redis differ in it. Without `{` and `}`: the tenant is the hash tag.
   * @defaultValue `tg:`
   */
  readonly keyPrefix?: string;
}

/**
 * Redis 7 or newer as a counter store. It owns the connection and closes it.
 * @throws TallygateError `invalid_configuration`
 */
export function redisCounterStore(connection: RedisConnection, options: RedisCounterStoreOptions = {}): CounterStore {
  const keyPrefix = options.keyPrefix ?? 'tg:';
  if (/[{}]/.test(keyPrefix))
    throw new TallygateError('invalid_configuration', `keyPrefix: expected a text without braces, got "${keyPrefix}"`);
  return new RedisCounterStore(connection, keyPrefix);
}

class RedisCounterStore implements CounterStore {
  readonly #connection: RedisConnection;
  readonly #keyPrefix: string;
  #errors = 0;

  constructor(connection: RedisConnection, keyPrefix: string) {
    this.#connection = connection;
    this.#keyPrefix = keyPrefix;
  }

  get generation(): number {
    return this.#connection.generation + this.#errors;
  }

  async charge(request: ChargeRequest): Promise<ChargeReply> {
    const call = { keys: [keyOf(this.#keyPrefix, request.tenantId)], arguments: decideArguments(request) };
    try {
      return decideReply(await this.#decide(call));
    } catch (error) {
      if (mayHaveForgotten(error)) this.#errors += 1;
      throw chargeError(error);
    }
  }

  async #decide(call: { keys: string[]; arguments: string[] }): Promise<unknown> {
    try {
      return await this.#connection.send((session) => session.evalSha(DECIDE_SHA1, call));
    } catch (error) {
      // The one error after which a second sending is no second charge: the server says that it ran nothing.
      if (replyCode(error) !== 'NOSCRIPT') throw error;
      // A server that lost its scripts may be another one, or this one started anew.
      this.#errors += 1;
      return this.#connection.send((session) => session.eval(DECIDE_SCRIPT, call));
    }
  }

  ready(): Promise<void> {
    return this.#connection.ready();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
