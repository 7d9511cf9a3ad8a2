// Counters in Redis, shared by all processes: one hash a tenant, one script call a charge.
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { DECIDE, decideArguments, decideReply } from './decide.js';
import { DECIDE_ONCE, decideOnceArguments, decideOnceReply } from './decideOnce.js';
import { FINISH, finishArguments, finishReply } from './finish.js';
import type { RedisConnection } from './redisConnection.js';
import { chargeError, mayHaveForgotten, replyCode } from './redisErrors.js';
import { keyOf, rememberedKeyOf, reservationKeyOf, type Script } from './script.js';

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
    const { tenantId, reserve, remember } = request;
    const keys = [keyOf(this.#keyPrefix, tenantId)];
    if (reserve !== undefined) keys.push(reservationKeyOf(this.#keyPrefix, tenantId, reserve.id));
    if (remember !== undefined) {
      const keyed = { ...request, remember };
      keys.push(rememberedKeyOf(this.#keyPrefix, tenantId, remember.key));
      return this.#run(DECIDE_ONCE, keys, decideOnceArguments(keyed), (reply) => decideOnceReply(reply, keyed));
    }
    return this.#run(DECIDE, keys, decideArguments(request), (reply) => decideReply(reply, request));
  }

  async finish({ tenantId, id, action }: FinishRequest): Promise<FinishReply> {
    const keys = [keyOf(this.#keyPrefix, tenantId), reservationKeyOf(this.#keyPrefix, tenantId, id)];
    return this.#run(FINISH, keys, finishArguments(action), finishReply);
  }

  async #run<T>(script: Script, keys: string[], values: string[], read: (reply: unknown) => T): Promise<T> {
    try {
      return read(await this.#call(script, { keys, arguments: values }));
    } catch (error) {
      if (mayHaveForgotten(error)) this.#errors += 1;
      throw chargeError(error);
    }
  }

  async #call(script: Script, call: { keys: string[]; arguments: string[] }): Promise<unknown> {
    try {
      return await this.#connection.send((session) => session.evalSha(script.sha1, call));
    } catch (error) {
      // The one error after which a second sending is no second charge: the server says that it ran nothing.
      if (replyCode(error) !== 'NOSCRIPT') throw error;
      // A server that lost its scripts may be another one, or this one started anew.
      this.#errors += 1;
      return this.#connection.send((session) => session.eval(script.text, call));
    }
  }

  ready(): Promise<void> {
    return this.#connection.ready();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
