// What the parent and the engine in its child say to each other, one JSON a line. Types only.
import type { GhostInfo } from '../../index.ts'

export interface ChildPath {
  readonly device: string
  readonly hctl: string
}

export interface ChildSettings {
  readonly ledger: string
  readonly wwid: string
  /** File with the shadow as it is now. */
  readonly shadow: string
  /** File that the load writes down what it does in. */
  readonly log: string
  readonly seed: string
  readonly workers: number
  readonly guardsOff: boolean
  readonly options: object
}

export type Doing =
  | 'add'
  | 'remove'
  | 'load'
  | 'stop'
  | 'readAll'
  | 'rescan'
  | 'size'
  | 'state'
  | 'ghosts'
  | 'release'
  | 'fenced'
  | 'close'

export interface Order {
  readonly id: number
  readonly do: Doing
  readonly path?: ChildPath
  readonly hctl?: string
  readonly ids?: readonly string[]
  readonly reason?: string
  /** Which fence it answers, and with what: null when the path has none. */
  readonly fence?: number
  readonly detail?: string | null
}

export interface Answer {
  readonly ok: boolean
  readonly value?: unknown
  readonly code?: string | null
  readonly error?: string
}

/** What the child says unasked. */
export interface Unasked {
  readonly ready?: true
  readonly fence?: { readonly id: number; readonly hctl: string }
}

export interface EngineState {
  readonly broken: string | null
  readonly sizeBytes: number
  readonly service: string
  readonly held: number
  readonly queued: number
  readonly ghosts: readonly GhostInfo[]
  readonly usedBytes: number
  readonly paths: readonly { readonly hctl: string; readonly health: string; readonly inFlight: number }[]
}
