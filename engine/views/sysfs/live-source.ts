// What a running engine tells the sysfs view: the states of its streams, and the figures that are on no ledger.
import { PathledgerError } from '../../../errors.ts'
import type { Core } from '../../core/core.ts'
import type { Head } from '../../api/head.ts'
import type { HeadRuntime, PathRuntime } from '../../heads/runtime.ts'
import { recordHead } from '../../heads/lifecycle.ts'
import type { Path } from '../../api/path.ts'
import type { Streams } from '../../ledger/streams.ts'
import type { SysfsExtras } from './tree.ts'
import type { LiveSource } from './view.ts'

export interface LiveParts {
  readonly core: Core
  readonly registry: {
    runtimes(): readonly HeadRuntime[]
    findPath(nameOrHctl: string): PathRuntime | null
  }
  readonly streams: Streams
  heads(): readonly Head[]
  path(hctl: string): Path
}

export function liveSource(parts: LiveParts): LiveSource {
  const { core, registry, streams } = parts
  const byIndex = (index: number) => {
    const found = registry.runtimes().find((head) => head.index === index)
    if (found === undefined) throw gone(index)
    return found
  }
  return {
    path: (hctl) => parts.path(hctl),
    head: (index) => parts.heads().find((head) => head.index === index) ?? refuse(gone(index)),
    streams: () => streams.states(),
    extras: () => extrasOf(registry.runtimes()),
    last: () => core.recorder.last,
    askUevent({ index, hctl }, { object, action }, { actor = 'operator', reason = null as string | null }) {
      const head = index === undefined ? registry.findPath(hctl ?? '')?.head : byIndex(index)
      if (head === undefined) throw gone(hctl ?? '')
      recordHead(head, 'head.ueventAsked', { object, action }, { actor, reason })
    },
  }
}

function extrasOf(heads: readonly HeadRuntime[]): SysfsExtras {
  const paths = heads.flatMap((head) =>
    head.paths.map((path) => {
      return [path.hctl, { numaNodes: path.nodes, queueDepth: path.adapter.active }] as const
    }),
  )
  return {
    heads: new Map(heads.map(({ lun, counters }) => [lun.wwid, counters])),
    paths: new Map(paths),
  }
}

function refuse(error: PathledgerError): never {
  throw error
}

function gone(what: number | string): PathledgerError {
  return new PathledgerError('SYSFS_NO_ENTRY', {
    message: `There is no ${what} any more.`,
    why: 'It was removed with its last path.',
    todo: '`pathledger sysfs` lists what there is.',
    errno: 'ENOENT',
  })
}
