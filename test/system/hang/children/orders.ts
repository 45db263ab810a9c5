// What a test tells the engine in a child process. Types only.

export interface ChildPath {
  readonly device: string
  readonly hctl: string
}

export interface ChildSettings {
  readonly ledger: string
  readonly wwid: string
  readonly paths: readonly ChildPath[]
  readonly guardsOff: boolean
  readonly options: object
}

export type Doing =
  | 'write'
  | 'read'
  | 'flush'
  | 'zero'
  | 'discard'
  | 'add'
  | 'fail'
  | 'show'
  | 'ghosts'
  | 'release'
  | 'attach'
  | 'load'
  | 'close'
  | 'exit'

export interface Order {
  readonly id: number
  readonly do: Doing
  readonly offset?: number
  readonly length?: number
  readonly mark?: number
  readonly path?: ChildPath
  readonly image?: string
  readonly log?: string
  readonly seed?: number
  readonly blocks?: number
  readonly workers?: number
  readonly generation?: number
}
