import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { SchemaEngine as WasmEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

/** Of Node's global, which its types leave to the browser's. */
declare const WebAssembly: {
  readonly Module: { imports(module: object): readonly { readonly module: string }[] };
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Record<string, unknown> }>;
};

interface EngineModule {
  readonly SchemaEngine: typeof WasmEngine;
  __wbg_set_wasm(exports: object): void;
}

/** Prisma's schema engine as WebAssembly: the real one, without a download. */
const loadEngine = async (): Promise<EngineModule> => {
  const glue = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const face = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as unknown as EngineModule;
  const module = await WebAssembly.compile(readFileSync(glue.replace(/\.js$/, '.wasm')));
  const imports: Record<string, unknown> = {};
  for (const needed of WebAssembly.Module.imports(module)) {
    imports[needed.module] = face;
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  face.__wbg_set_wasm(exports);
  (exports['__wbindgen_start'] as () => void)();
  return face;
};

/** Its glue keeps one instance for good. */
let engine: Promise<EngineModule> | undefined;

/** Types of PostgreSQL: the one-letter "char" of the catalogue, which the adapter does not know, and text. */
const CATALOGUE_CHAR = 18;
const TEXT = 25;

/** A pool that passes "char" for text, and says in `letters` which columns of a result were such. */
const connect = (connectionString: string, letters: WeakMap<object, number[]>): pg.Pool => {
  const pool = new pg.Pool({ connectionString, max: 1 });
  const query = pool.query.bind(pool) as (config: pg.QueryConfig) => Promise<pg.QueryResult>;
  const noteLetters = async (config: pg.QueryConfig): Promise<pg.QueryResult> => {
    const result = await query(config);
    const columns = [...result.fields.keys()].filter((i) => result.fields[i]?.dataTypeID === CATALOGUE_CHAR);
    letters.set(result.rows, columns);
    for (const field of result.fields) if (field.dataTypeID === CATALOGUE_CHAR) field.dataTypeID = TEXT;
    return result;
  };
  return Object.assign(pool, { query: noteLetters });
};

/** Prisma's adapter, with the catalogue's "char" as the engine wants it. */
const catalogueAdapter = (pool: pg.Pool, letters: WeakMap<object, number[]>): PrismaPg => {
  const factory = new PrismaPg(pool);
  const connectPlain = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connectPlain();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const i of letters.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  };
  return factory;
};

/**
 * The SQL that would turn a database into what a schema.prisma says; `-- This is an empty migration.` if they agree.
 * Only the schema public counts: row-level security, triggers and checks are not Prisma's.
 */
export const diffAgainstSchema = async (databaseUrl: string, schemaFile: string): Promise<string> => {
  engine ??= loadEngine();
  const { SchemaEngine } = await engine;
  const schema = { files: [{ path: 'schema.prisma', content: readFileSync(schemaFile, 'utf8') }] };
  const letters = new WeakMap<object, number[]>();
  const pool = connect(databaseUrl, letters);
  const adapter = bindMigrationAwareSqlAdapterFactory(catalogueAdapter(pool, letters));
  const session = await SchemaEngine.new(
    { datamodels: [['schema.prisma', schema.files[0]?.content ?? '']] },
    () => undefined,
    adapter,
  );
  try {
    const { stdout } = await session.diff({
      from: { tag: 'schemaDatasource', ...schema, configDir: '/' },
      to: { tag: 'schemaDatamodel', ...schema },
      script: true,
      exitCode: null,
      filters: { externalTables: ['public._prisma_migrations'], externalEnums: [] },
    });
    return stdout ?? '';
  } finally {
    session.free();
    await pool.end();
  }
};
