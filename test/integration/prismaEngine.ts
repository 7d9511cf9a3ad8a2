// Prisma's own schema engine, as wasm, over PostgreSQL: what `prisma migrate` would say, without its command, which fetches a
// binary. Only in tests; nothing of ours needs it at run time.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  bindMigrationAwareSqlAdapterFactory,
  type ColumnType,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';
import { migrationFiles } from '../../src/stores/postgres/migrationFiles.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';

/** Where the engine looks: an existing database and its schema, or undefined for an empty one. */
export interface EngineTarget {
  readonly url: string;
  readonly schema: string;
}

/** An engine that knows one schema.prisma. Its shadow databases are empty ones of the test server. */
export interface PrismaEngine {
  readonly engine: SchemaEngine;
  /** Ends its connections and drops its databases. */
  close(): Promise<void>;
}

const require = createRequire(__filename);

export async function prismaEngine(datamodel: string, target?: EngineTarget): Promise<PrismaEngine> {
  const databases: TestDatabase[] = [];
  const clients: pg.Client[] = [];
  const connect = async ({ url, schema }: EngineTarget): Promise<SqlDriverAdapter> => {
    const options = `-c search_path="${schema}"`;
    const client = new pg.Client({ connectionString: url, options, types: { getTypeParser } });
    await client.connect();
    clients.push(client);
    return adapter(client, schema);
  };
  const connectToEmpty = async (): Promise<SqlDriverAdapter> => {
    const database = await createDatabase();
    databases.push(database);
    return connect({ url: database.url, schema: 'public' });
  };
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: 'tests',
    connect: () => (target === undefined ? connectToEmpty() : connect(target)),
    connectToShadowDb: connectToEmpty,
  });
  const { SchemaEngine: Engine } = await load();
  const engine = await Engine.new({ datamodels: [['schema.prisma', datamodel]] }, () => undefined, factory);
  return {
    engine,
    close: async () => {
      engine.free(); // which does not wait for what it disposes of
      await Promise.all(clients.map((client) => client.end()));
      await Promise.all(databases.map((database) => database.drop()));
    },
  };
}

/** Our migrations as the engine takes them. `change` may edit a file on its way. */
export function migrationList(change: (sql: string) => string = (sql) => sql): MigrationList {
  return {
    baseDir: 'prisma/migrations',
    lockfile: { path: 'migration_lock.toml', content: readFileSync('prisma/migrations/migration_lock.toml', 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: migrationFiles().map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: change(sql) } },
    })),
  };
}

// @types/node does not describe it: the two members that are used here.
interface Wasm {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ readonly instance: { readonly exports: { __wbindgen_start(): void } } }>;
}

type Engine = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');
let loaded: Promise<Engine> | undefined;

/** The package's own entry imports a .wasm file, which Node does not do: instantiated by hand, once. */
function load(): Promise<Engine> {
  loaded ??= (async () => {
    Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => panic(message) } });
    const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg');
    const entry = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
    const bytes = readFileSync(entry.replace(/\.js$/, '.wasm'));
    const wasm = (globalThis as typeof globalThis & { WebAssembly: Wasm }).WebAssembly;
    const { instance } = await wasm.instantiate(bytes, { './schema_engine_bg.js': { ...engine } });
    (engine as Engine & { __wbg_set_wasm(exports: object): void }).__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return engine;
  })();
  return loaded;
}

function panic(message: string): never {
  throw new Error(`Prisma's engine panicked: ${message}`);
}

function adapter(client: pg.Client, schema: string): SqlDriverAdapter {
  const queries = {
    provider: 'postgres',
    adapterName: 'tests',
    queryRaw: (query: SqlQuery) => queryRaw(client, query),
    executeRaw: async ({ sql, args }: SqlQuery) => (await client.query(sql, args)).rowCount ?? 0,
  } as const;
  return {
    ...queries,
    executeScript: async (script) => void (await client.query(script)),
    getConnectionInfo: () => ({ schemaName: schema, supportsRelationJoins: true }),
    startTransaction: async (): Promise<Transaction> => {
      await client.query('BEGIN');
      const end = (statement: string) => async () => void (await client.query(statement));
      return { ...queries, options: { usePhantomQuery: false }, commit: end('COMMIT'), rollback: end('ROLLBACK') };
    },
    dispose: () => Promise.resolve(), // `close` ends the client
  };
}

async function queryRaw(client: pg.Client, { sql, args }: SqlQuery): Promise<SqlResultSet> {
  const { fields, rows } = await client.query({ text: sql, values: args, rowMode: 'array' });
  return {
    columnNames: fields.map((field) => field.name),
    columnTypes: fields.map((field) => columnType(field.dataTypeID)),
    rows,
  };
}

const COLUMN_TYPES: Readonly<Record<number, ColumnType>> = {
  16: ColumnTypeEnum.Boolean,
  18: ColumnTypeEnum.Character,
  19: ColumnTypeEnum.Text,
  20: ColumnTypeEnum.Int64,
  21: ColumnTypeEnum.Int32,
  23: ColumnTypeEnum.Int32,
  25: ColumnTypeEnum.Text,
  26: ColumnTypeEnum.Int64,
  700: ColumnTypeEnum.Float,
  701: ColumnTypeEnum.Double,
  1002: ColumnTypeEnum.TextArray,
  1003: ColumnTypeEnum.TextArray,
  1005: ColumnTypeEnum.Int32Array,
  1009: ColumnTypeEnum.TextArray,
  1042: ColumnTypeEnum.Text,
  1043: ColumnTypeEnum.Text,
  1184: ColumnTypeEnum.DateTime,
};

function columnType(oid: number): ColumnType {
  const type = COLUMN_TYPES[oid];
  if (type === undefined) throw new Error(`the engine asked for a column of type ${oid}: add it to COLUMN_TYPES`);
  return type;
}

const TEXT_ARRAY: number = 1009;

// What the engine reads as text stays text; instants must be RFC 3339. Numbers, truth and lists as the driver makes them.
function getTypeParser(oid: number): (text: string) => unknown {
  if (oid === 1184) return (text) => new Date(text).toISOString().replace('Z', '+00:00');
  if (oid === 1002 || oid === 1003) return pg.types.getTypeParser(TEXT_ARRAY);
  return [16, 21, 23, 700, 701, 1005, 1009].includes(oid) ? pg.types.getTypeParser(oid) : (text) => text;
}
