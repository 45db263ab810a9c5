// `pathledger/ledger`: the record without an engine. Read it, fold it to a state, replay it, verify it, and keep it for years.

// Read.
export { openLedgerReader } from '../store/read/reader.ts'
export type { FileReader } from '../store/read/reader.ts'
export { openSegments } from '../store/life/chain-reader.ts'
export type { SegmentsReader } from '../store/life/chain-reader.ts'
export { pages } from '../store/pages.ts'
export type {
  LedgerReader,
  LedgerState,
  LedgerStore,
  ReadQuery,
  StoredEvent,
  StreamAt,
} from '../store/types.ts'
export { memoryStore } from '../store/write/memory-store.ts'
export type { MemoryStore, MemoryStoreOptions } from '../store/write/memory-store.ts'

// What it says: the state at a position, in the words of the machines, and as /sys would show it.
export { stateAt } from '../store/state/fold.ts'
export type { LedgerPoint } from '../store/state/fold.ts'
export { changesBetween } from '../store/replay/changes.ts'
export type { Changed, StreamChange } from '../store/replay/changes.ts'
export { flagsOf, isAvailable, isDisabled, isOptimized } from '../machines/predicates.ts'
export type { PathFlags } from '../machines/predicates.ts'
export type {
  AccessState,
  Failback,
  HeadValue,
  IoPolicy,
  Loss,
  MultipathMode,
  NoPathRetry,
  PathValue,
  Quantum,
} from '../machines/words.ts'
export { ledgerSysfs, readSysfs } from '../engine/views/sysfs/view.ts'
export type { SysfsTree } from '../engine/views/sysfs/view.ts'
export { materialiseSysfs } from '../adapters/sysfs/materialise.ts'
export type { SysfsEntry, SysfsMode } from '../adapters/sysfs/entries.ts'

// Replay and verify.
export { redecide, Redecider } from '../store/state/fold.ts'
export { Stepper } from '../store/replay/stepper.ts'
export type { Step as ReplayStep } from '../store/replay/stepper.ts'
export { replayVerdict } from '../store/replay/verdict.ts'
export type { LikelyReason, ReplayVerdict } from '../store/replay/verdict.ts'
export { verifyLedger } from '../store/verify/verify.ts'
export type { Verification } from '../store/verify/verify.ts'
export { verifySegments } from '../store/life/verify-segments.ts'
export type { SegmentCheck } from '../store/life/verify-segments.ts'
export { checkHead, makeKeys, parseSignedHead } from '../store/life/signed-head.ts'
export type { HeadCheck, SignedHead } from '../store/life/signed-head.ts'
export { checkCaches } from '../store/state/check-caches.ts'
export { refuseWrongDerived } from '../store/verify/derived.ts'
export type { CacheCheck } from '../store/state/check-caches.ts'

// Keep.
export { ledgerCaches, repairLedger, segmentLedger, signHead } from '../engine/ledger-life.ts'
export type { CacheInfo } from '../store/state/cache-info.ts'
export type { Repair } from '../store/life/repair.ts'
export type { ClosedSegment } from '../store/life/segments.ts'
export { backupLedger } from '../store/life/backup.ts'
export type { Backup } from '../store/life/backup.ts'
export { exportLedger, importLedger } from '../store/life/ndjson.ts'

export { PathledgerError } from '../errors.ts'
export type { ErrorCode } from '../errors/codes.ts'

// The history of hosts that others run, as a ledger of observations.
export { ingest } from '../foreign/write/ingest.ts'
export { checkSources } from '../foreign/write/check-sources.ts'
export type { SourceCheck, SourcesCheck } from '../foreign/write/check-sources.ts'
export type { IngestFacts, Ingested, SourceCounts } from '../foreign/write/ingest.ts'
export type { ReadSettings } from '../foreign/read.ts'
export type { Reach } from '../foreign/sources/open.ts'
export { LOG_FILES } from '../adapters/sources/files.ts'
export { XSTATE_VERSION } from '../engine/core/version.ts'

// What the above take and give, by name.
export type { SysfsSource } from '../adapters/sysfs/materialise.ts'
export type { Progress, SourceFile } from '../foreign/sources/open.ts'
export type { ZoneData } from '../foreign/time/civil.ts'
export type { Behaviour } from '../machines/behaviour.ts'
export type { Decision } from '../machines/decision.ts'
export type { StateValue } from '../machines/step.ts'
export type { Upcasters } from '../machines/upcast.ts'
export type { AdminState, DeviceState, HealthState, LifeState, ServiceState } from '../machines/words.ts'
export type { WriterLimits } from '../store/limits.ts'
export type { FollowOptions, Moment, SqlReader } from '../store/read/reader.ts'
export type { HeaderFacts, LedgerHeader } from '../store/rows/header.ts'
export type { SnapshotInfo } from '../store/state/cache-info.ts'
export type { FoldOptions } from '../store/state/fold.ts'
export type { Append, Appended, Folded, Input, LedgerHead, LedgerListener, NewEvent } from '../store/types.ts'
export type { Difference } from '../store/verify/check-replay.ts'
