// The collection of storage as the ledger keeps it: whose turn it is, how the last runs went, and which tenants they knew. No request
// waits for any of this.

/** How the collection stands. Instants are the ledger's clock, in milliseconds since 1970. */
export interface CollectionState {
  readonly nowMs: number;
  /** Of the last run that was claimed, 0 before the first. */
  readonly runNumber: number;
  /** The last run that ended well; undefined before the first. */
  readonly last:
    | { readonly runNumber: number; readonly collectedAtMs: number; readonly tenants: number; readonly everyMs: number }
    | undefined;
  /** Until when the claimed run has to say again that it lives; undefined where none is under way. */
  readonly claimedUntilMs: number | undefined;
  /** Claims since the last run that ended well: the running one, and those that failed or whose process died. */
  readonly failures: number;
  /** Why the last of them failed, where it could say so. */
  readonly failure: string | undefined;
  /** No run before then. */
  readonly retryAtMs: number | undefined;
}

/** A claim that is asked for. Milliseconds. */
export interface ClaimRequest {
  /** The run after which it comes: {@link CollectionState.runNumber} as it was read. */
  readonly after: number;
  /** From one run that ended well to the next. */
  readonly everyMs: number;
  /** How long the claim holds unless it is renewed. */
  readonly holdMs: number;
  /** From now to the next try, should this run not end well. */
  readonly retryMs: number;
}

/** A run that is this process's alone. */
export interface ClaimedRun {
  readonly runNumber: number;
  /** When it was claimed: the instant of what it reports. */
  readonly claimedAtMs: number;
}

/** What is known of tenants that a run found. */
export interface NotedTenants {
  /** The level of each by the ledger; none of a tenant that never had one. */
  readonly levels: ReadonlyMap<string, { readonly bytes: number; readonly atMs: number }>;
  /** Tenants that this run had noted before. */
  readonly repeated: ReadonlySet<string>;
}

/**
 * Callers may rely on: a run is claimed by one at a time, never before it is due by the ledger's clock, and what a run does after another
 * has claimed the next changes nothing here. Methods reject as those of `UsageLedger` do.
 */
export interface StorageCollections {
  state(): Promise<CollectionState>;
  /** Takes the next run; undefined where it is not due, or somebody else has it. It counts as failed until it is finished. */
  claim(request: ClaimRequest): Promise<ClaimedRun | undefined>;
  /** Holds the claim from now on for `holdMs`; false where somebody else has claimed since. */
  renew(runNumber: number, holdMs: number): Promise<boolean>;
  /** Remembers that the run found these tenants, each named once; undefined where somebody else has claimed since. */
  note(runNumber: number, tenantIds: readonly string[]): Promise<NotedTenants | undefined>;
  /** Tenants that earlier runs found and this one did not, at most `most`. */
  vanished(runNumber: number, most: number): Promise<readonly string[]>;
  /** Remembers them no more; how many of them that were, 0 where somebody else has claimed since. */
  forget(runNumber: number, tenantIds: readonly string[]): Promise<number>;
  /** The run ended well; false where somebody else has claimed since. */
  finish(run: ClaimedRun, tenants: number): Promise<boolean>;
  /** The run failed: the next try may come in `retryMs`. Nothing where somebody else has claimed since. */
  fail(runNumber: number, failure: string, retryMs: number): Promise<void>;
  /** The run was broken off by its own process, which ends: anybody may take it at once. */
  release(runNumber: number): Promise<void>;
}
