// Requests that go on while servers come and go, and what was answered. Each request has an answer or is a fault: a server that is to
// be taken away is drained first, as by a load balancer.
import { until } from '../servers/until.js';
import { call, type FleetServer } from './serverFleet.js';

/** For a busy machine. */
const PROGRESS_MS = 60_000;
const IN_FLIGHT = 4;
/** Users that come again and again; another number makes a ledger of that many rows. */
const USERS = 30;

/** What was answered for one tenant. */
export interface Answered {
  admitted: number;
  denied: number;
  /** Of admitted requests. */
  readonly users: Set<string>;
}

/** See the head of this file. */
export class Traffic {
  readonly #tenants: readonly string[];
  readonly #users: number;
  readonly #answered = new Map<string, Answered>();
  readonly #servers: FleetServer[] = [];
  readonly #inFlight = new Map<FleetServer, number>();
  readonly #workers: Promise<void>[] = [];
  readonly #faults: string[] = [];
  #sent = 0;
  #total = 0;
  #ended = false;

  /** @param tenants one request of each in turn */
  constructor(tenants: readonly string[], users = USERS) {
    this.#tenants = tenants;
    this.#users = users;
    for (const tenant of tenants) this.#answered.set(tenant, { admitted: 0, denied: 0, users: new Set() });
  }

  /** Sends it its share from now on. */
  add(...servers: FleetServer[]): void {
    this.#servers.push(...servers);
    while (this.#workers.length < IN_FLIGHT) this.#workers.push(this.#work());
  }

  /** Sends it nothing any more, and resolves when all that it was sent is answered. */
  async drain(server: FleetServer): Promise<void> {
    this.#servers.splice(this.#servers.indexOf(server), 1);
    await until(() => (this.#inFlight.get(server) ?? 0) === 0, { deadlineMs: PROGRESS_MS, what: 'the last answers' });
  }

  /** Resolves when `count` more requests are answered. */
  async goOn(count: number): Promise<void> {
    const enough = this.#total + count;
    const isFine = () => this.#total >= enough || this.#faults.length > 0;
    await until(isFine, { deadlineMs: PROGRESS_MS, what: `${count} more answers` });
    if (this.#faults.length > 0) throw new Error(this.#faults.slice(0, 5).join('; '));
  }

  /** Answers by tenant, so far. */
  answered(tenant: string): Answered {
    const found = this.#answered.get(tenant);
    if (found === undefined) throw new Error(`no traffic of ${tenant}`);
    return found;
  }

  /** Ends it. Throws where a request had neither a yes nor a no. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#workers);
    if (this.#faults.length > 0) throw new Error(this.#faults.slice(0, 5).join('; '));
  }

  async #work(): Promise<void> {
    while (!this.#ended) {
      const number = this.#sent;
      this.#sent += 1;
      const server = this.#servers[number % this.#servers.length];
      // Each tenant meets each server.
      const tenant = this.#tenants[Math.floor(number / 2) % this.#tenants.length] ?? '';
      if (server === undefined) await new Promise((resolve) => setImmediate(resolve));
      else await this.#request(server, tenant, `user-${(number * 7) % this.#users}`);
    }
  }

  async #request(server: FleetServer, tenant: string, user: string): Promise<void> {
    this.#inFlight.set(server, (this.#inFlight.get(server) ?? 0) + 1);
    try {
      const { status, body } = await call('POST', `${server.url}/v1/consume`, { tenant, user });
      const answered = this.answered(tenant);
      if (status === 200) {
        answered.admitted += 1;
        answered.users.add(user);
      } else if (status === 429) answered.denied += 1;
      else this.#faults.push(`${status} ${JSON.stringify(body)}`);
    } catch (error) {
      this.#faults.push(String(error));
    } finally {
      this.#total += 1;
      this.#inFlight.set(server, (this.#inFlight.get(server) ?? 0) - 1);
    }
  }
}
