// How to connect to the masters of a cluster, by address. Each is made from the client that the library made for it, once: a
// reading of the table a second, while a master is away, must not make a client a master.
import type { NodeSource } from './redisSession.js';

/** Makes sessions with the server of a client, or with another one that takes the same credentials. */
export type MakeSource<Client> = (client: Client, server: string, address?: HostAndPort) => NodeSource;

/** Where a server listens. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** See the head of this file. */
export class MasterSources<Client> {
  readonly #make: MakeSource<Client>;
  readonly #sources = new Map<string, NodeSource>();
  #anyMaster: Client | undefined;

  constructor(make: MakeSource<Client>) {
    this.#make = make;
  }

  has(address: string): boolean {
    return this.#sources.has(address);
  }

  add(address: string, client: Client): void {
    this.#anyMaster = client;
    this.#sources.set(address, this.#make(client, address));
  }

  /** A server that no table named yet takes what the others take: one that slots are being moved to. */
  at(address: string): NodeSource {
    const known = this.#sources.get(address);
    if (known !== undefined) return known;
    if (this.#anyMaster === undefined) throw new Error(`expected a master before ${address} is asked for, got none`);
    return this.#make(this.#anyMaster, address, hostAndPort(address));
  }
}

/** An IPv6 host has colons of its own: the port is behind the last one. */
function hostAndPort(address: string): HostAndPort {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
