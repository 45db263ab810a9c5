// What a running engine says of itself, for people.
import type { HeadValue, PathValue } from '../index.ts'

interface LivePath {
  readonly name: string
  readonly hctl: string
  readonly device: string
  readonly state: PathValue
  readonly inFlight: number
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
  readonly paths: readonly LivePath[]
}

export interface LiveShow {
  readonly heads: readonly LiveHead[]
  readonly ghosts: number
  readonly broken: string | null
}

/** Heads with their paths, what waits, and the countdown where one runs. */
export function describeLive({ heads, ghosts, broken }: LiveShow): string {
  const lines = heads.flatMap(describeHead)
  if (ghosts > 0) lines.push(`${ghosts} ghosts: pathledger ghosts`)
  if (broken !== null) lines.push(`the engine has stopped: ${broken}`)
  return `${lines.length === 0 ? 'no heads' : lines.join('\n')}\n`
}

function describeHead({
  name,
  wwid,
  state,
  ioPolicy,
  queued,
  held,
  countdown,
  lost,
  paths,
}: LiveHead): string[] {
  const waits = queued.bios === 0 ? '' : `, ${queued.bios} I/Os wait for a path`
  const holds = held.bios === 0 ? '' : `, ${held.bios} for a ghost`
  const left =
    countdown === null ? '' : `, ${countdown.checksLeft} checks left (next in ${countdown.nextCheckMs} ms)`
  return [
    `${name} ${wwid} ${state.life}, ${state.service}, ${ioPolicy}${waits}${holds}${left}`,
    ...paths.map(describePath),
    ...lost.map(({ name, hctl }) => `  ${name} ${hctl} lost with the last run, not attached again yet`),
  ]
}

function describePath({ name, hctl, device, state, inFlight }: LivePath): string {
  return `  ${name} ${hctl} ${device} ${state.device}, ${state.access}, ${state.health}, ${state.admin}, ${inFlight} in flight`
}
