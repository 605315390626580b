import { z } from 'zod';

/** Of the archive's layout. A change that an older release could not read raises it. */
export const BACKUP_FORMAT = 1;

export const MANIFEST_PART = 'manifest.json';
/** SHA-256 of the manifest, hexadecimal: the archive's last part. */
export const SEAL_PART = 'manifest.sha256';

const name = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, 'is not a name that Longhaul gives');
const schemaName = z.enum(['public', 'telemetry']);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** As PostgreSQL writes the bounds of a partition by range. */
const bound = z
  .string()
  .regex(/^(DEFAULT|FOR VALUES FROM \((MINVALUE|'[^']*')\) TO \((MAXVALUE|'[^']*')\))$/);

export const manifestSchema = z.object({
  format: z.literal(BACKUP_FORMAT),
  createdAt: z.iso.datetime(),
  /** Of the controller that made it, `major.minor.patch`. */
  release: z.string(),
  /** Whether rows of telemetry are in it. */
  telemetry: z.boolean(),
  /** What the database had applied, in that order. */
  migrations: z.array(z.object({ name: z.string(), checksum: sha256 })).min(1),
  /** In an order in which each table comes after those that it points at. */
  tables: z.array(
    z.object({
      schema: schemaName,
      name,
      columns: z.array(name).min(1),
      rows: z.int().min(0),
      part: z.string(),
    }),
  ),
  partitions: z.array(z.object({ parent: name, name, bound })),
  /** `value` is the last one that was given out. */
  sequences: z.array(z.object({ schema: schemaName, name, value: z.string().regex(/^-?\d+$/) })),
  /** Paths below the controller's state folder. */
  stateFiles: z.array(z.object({ path: z.string(), part: z.string() })),
  /** Every part but the manifest and its seal. */
  parts: z.array(z.object({ path: z.string(), bytes: z.int().min(0), sha256 })),
});

/** What a backup has in it. */
export type Manifest = z.output<typeof manifestSchema>;
export type BackupTable = Manifest['tables'][number];
export type BackupPart = Manifest['parts'][number];
