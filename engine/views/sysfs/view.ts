// The sysfs view of a running engine, and of a ledger at any position.
import { checkArguments, checkFields } from '../../../errors/arguments.ts'
import type { SysfsEntry } from '../../../adapters/sysfs/entries.ts'
import { foldAll } from '../../../store/state/fold.ts'
import { pages } from '../../../store/pages.ts'
import type { LedgerReader } from '../../../store/types.ts'
import type { OperatorWord } from '../../core/spoken.ts'
import { findEntry, readEntry } from './look.ts'
import { sampledCounters } from './sampled-counters.ts'
import { sysfsTree, type SysfsExtras } from './tree.ts'
import type { StreamStates } from '../../../machines/step.ts'
import { writeAttribute, type Writable } from './write.ts'

/** The tree as it was right after one event of the ledger. */
export interface SysfsTree {
  /** Position of that event. */
  readonly position: number
  /** When it was recorded: wall clock, microseconds. */
  readonly timeUs: number
  /** Sorted by path. */
  readonly entries: readonly SysfsEntry[]
}

/** Where a running engine stands. */
export interface LiveSource extends Writable {
  streams(): StreamStates
  extras(): SysfsExtras
  /** The last event that was decided, whether it is durable yet or not. */
  last(): { readonly position: number; readonly timeUs: number }
}

/** /sys as a running engine would show it. Taken from {@link Multipath.sysfs}. */
export class SysfsView {
  readonly #source: LiveSource

  /** @internal */
  constructor(source: LiveSource) {
    this.#source = source
  }

  /** Every entry, as it is now. */
  tree(): SysfsTree {
    return { ...this.#source.last(), entries: this.#entries() }
  }

  /**
   * Reads an attribute, its newline included; links are followed. Throws SYSFS_NO_ENTRY (ENOENT, also for what a path had
   * that has left its head: D-46) or SYSFS_IS_DIRECTORY (EISDIR).
   */
  get(path: string): string {
    checkArguments('sysfs.get', { path }, { path: 'text' })
    return readEntry(this.#entries(), path)
  }

  /**
   * Writes an attribute and returns the bytes taken, all of them; who and why is on the ledger. Throws SYSFS_NO_ENTRY,
   * SYSFS_IS_DIRECTORY, SYSFS_READ_ONLY (EACCES), or EINVAL and ERANGE as the kernel does (SYSFS_VALUE, IOPOLICY_INVALID,
   * DELAYED_REMOVAL_INVALID, COUNTER_INVALID); nothing is changed then.
   */
  set(path: string, value: string, word: OperatorWord = {}): number {
    checkArguments('sysfs.set', { path, value }, { path: 'text', value: 'text' })
    const entries = this.#entries()
    readEntry(entries, path)
    return writeAttribute(this.#source, findEntry(entries, path), value, word)
  }

  #entries(): SysfsEntry[] {
    return sysfsTree(this.#source.streams(), this.#source.extras())
  }
}

/**
 * /sys as a running engine would have shown it right after the event at `position`. What only a running engine knows is
 * marked `liveOnly`: mpath_numa_nodes is empty then, mpath_queue_depth 0, and the two counters are those of the samples.
 */
export function ledgerSysfs(reader: LedgerReader, position: number): SysfsTree {
  checkArguments('ledgerSysfs', { reader, position }, { reader: 'reader', position: 'position' })
  const { streams } = foldAll(reader, { toPosition: position })
  const heads = sampledCounters(pages(reader, { toPosition: position }))
  const timeUs = reader.read({ fromPosition: position, limit: 1 })[0]?.recordedAtUs ?? 0
  return { position, timeUs, entries: sysfsTree(streams, { heads, paths: new Map() }) }
}

/** The text of an attribute in a tree. Throws SYSFS_NO_ENTRY or SYSFS_IS_DIRECTORY. */
export function readSysfs(tree: SysfsTree, path: string): string {
  checkFields('readSysfs', 'tree', tree, { entries: 'list' })
  for (const entry of tree.entries) checkFields('readSysfs', 'an entry', entry, { path: 'text' })
  checkArguments('readSysfs', { path }, { path: 'text' })
  return readEntry(tree.entries, path)
}
