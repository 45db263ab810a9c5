// What a running engine says of itself, for people.
import type { HeadValue, PathFlags, PathValue } from '../../index.ts'
import { lines } from '../text.ts'
import { flagWords } from './flag-words.ts'

interface LivePath {
  readonly name: string
  readonly hctl: string
  readonly device: string
  readonly state: PathValue
  readonly inFlight: number
  readonly flags: PathFlags
}

interface LiveHead {
  readonly name: string
  readonly wwid: string
  readonly state: HeadValue
  readonly ioPolicy: string
  readonly queued: { readonly bios: number; readonly bytes: number }
  readonly held: { readonly bios: number }
  readonly countdown: { readonly checksLeft: number; readonly nextCheckMs: number } | null
  readonly lost: readonly { readonly name: string; readonly hctl: string }[]
  readonly preferredPath: string | null
  readonly loss: string
  readonly paths: readonly LivePath[]
}

export interface LiveShow {
  readonly heads: readonly LiveHead[]
  readonly ghosts: number
  readonly broken: string | null
}

/** Heads with their paths, what waits, and the countdown where one runs. */
export function describeLive({ heads, ghosts, broken }: LiveShow): string {
  const said = heads.flatMap(describeHead)
  if (ghosts > 0) said.push(`${ghosts} ghosts: pathledger ghosts`)
  if (broken !== null) said.push(`the engine has stopped: ${broken}`)
  return lines(said.length === 0 ? ['no heads'] : said)
}

function describeHead(head: LiveHead): string[] {
  const { name, wwid, state, ioPolicy, queued, held, countdown, lost, paths, loss, preferredPath } = head
  const waits = queued.bios === 0 ? '' : `, ${queued.bios} I/Os wait for a path`
  const holds = held.bios === 0 ? '' : `, ${held.bios} for a ghost`
  const left =
    countdown === null ? '' : `, ${countdown.checksLeft} checks left (next in ${countdown.nextCheckMs} ms)`
  const over = loss === 'permanent' ? ', no path will come back by itself' : ''
  return [
    `${name} ${wwid} ${state.life}, ${state.service}, ${ioPolicy}${waits}${holds}${left}${over}`,
    ...paths.map((path) => `${describePath(path)}${path.hctl === preferredPath ? ', preferred' : ''}`),
    ...lost.map(({ name, hctl }) => `  ${name} ${hctl} lost with the last run, not attached again yet`),
  ]
}

function describePath({ name, hctl, device, state, inFlight, flags }: LivePath): string {
  const also = flagWords(flags).map((word) => `, ${word}`)
  return `  ${name} ${hctl} ${device} ${state.device}, ${state.access}, ${state.health}, ${state.admin}, ${inFlight} in flight${also.join('')}`
}
