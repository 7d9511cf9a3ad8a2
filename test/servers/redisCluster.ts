// A private Redis Cluster: three masters, each with a replica, made by CLUSTER commands. A master that is killed is replaced by
// its replica after the node timeout and an election of about a second.
import { createClient } from '@redis/client';
import { freeClusterPort } from './freePort.js';
import { type RedisServer, startRedis } from './redisServer.js';
import { until } from './until.js';

const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 2_000;

export interface RedisClusterServers {
  /** Masters first, then their replicas, in the same order. */
  readonly nodes: readonly RedisServer[];
  /** URLs of all nodes, as REDIS_URL takes them. */
  readonly urls: readonly [string, ...string[]];
  /** One more node, that belongs to the cluster and serves no slot. */
  addNode(): Promise<RedisServer>;
  /** Sends a command to one node and returns its reply. */
  call(node: RedisServer, ...command: string[]): Promise<unknown>;
  /** The id by which the cluster knows a node. */
  idOf(node: RedisServer): Promise<string>;
  stop(): Promise<void>;
}

const startNode = async (): Promise<RedisServer> =>
  startRedis({
    port: await freeClusterPort(),
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
      ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-replica-validity-factor', '0'],
      ...['--repl-diskless-sync-delay', '0'],
    ],
  });

async function call(node: RedisServer, ...command: string[]): Promise<unknown> {
  const client = createClient({ url: node.url, socket: { connectTimeout: 20_000, reconnectStrategy: false } });
  client.on('error', () => undefined); // connecting rejects with it
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

const idOf = async (node: RedisServer): Promise<string> => String(await call(node, 'CLUSTER', 'MYID'));

async function meet(first: RedisServer, others: readonly RedisServer[], known: number): Promise<void> {
  await Promise.all(others.map((node) => call(first, 'CLUSTER', 'MEET', '127.0.0.1', String(node.port))));
  for (const node of [first, ...others]) {
    const info = () => call(node, 'CLUSTER', 'INFO').then(String);
    await until(async () => (await info()).includes(`cluster_known_nodes:${known}`), { what: `${known} nodes meet` });
  }
}

async function servesAll(nodes: readonly RedisServer[]): Promise<void> {
  for (const node of nodes) {
    const info = () => call(node, 'CLUSTER', 'INFO').then(String);
    await until(async () => (await info()).includes('cluster_state:ok'), { what: 'the cluster serves all slots' });
  }
}

export async function startRedisCluster(): Promise<RedisClusterServers> {
  const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, startNode));
  const added: RedisServer[] = [];
  const stop = async () => {
    await Promise.all([...nodes, ...added].map((node) => node.stop()));
  };
  try {
    await form(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const [first, ...others] = nodes.map((node) => node.url);
  return {
    nodes,
    urls: [first as string, ...others],
    addNode: async () => {
      const node = await startNode();
      added.push(node);
      await meet(nodes[0] as RedisServer, [node], nodes.length + added.length);
      await servesAll([node]);
      return node;
    },
    call,
    idOf,
    stop,
  };
}

async function form(nodes: readonly RedisServer[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node, index) => {
      await call(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      if (index >= MASTERS) return;
      const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / MASTERS)) as [number, number];
      await call(node, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1));
    }),
  );
  const [first, ...others] = nodes as [RedisServer, ...RedisServer[]];
  await meet(first, others, nodes.length);
  const replicas = nodes.slice(MASTERS);
  await Promise.all(
    replicas.map(async (node, index) => call(node, 'CLUSTER', 'REPLICATE', await idOf(nodes[index] as RedisServer))),
  );
  await servesAll(nodes);
  for (const node of replicas) {
    const info = () => call(node, 'INFO', 'replication').then(String);
    await until(async () => (await info()).includes('master_link_status:up'), { what: 'a replica follows' });
  }
  // A replica that the others do not know as one would not be elected.
  for (const node of nodes) {
    const table = () => call(node, 'CLUSTER', 'NODES').then(String);
    await until(async () => (await table()).match(/ slave | myself,slave /g)?.length === MASTERS, {
      what: 'all know the replicas',
    });
  }
}
