// Takes the log of a load into the account of the run: what it did, and what must be on the medium after it.
import { readFileSync, rmSync } from 'node:fs'
import type { ChaosReport } from './report.ts'
import type { Change, Shadow } from './shadow.ts'

const COUNTED = { write: 'writes', zero: 'zeroes', discard: 'discards' } as const

/** The load is over, or dead. A line that the kill cut off was not finished: it counts for nothing. */
export function takeLog(log: string, shadow: Shadow, report: ChaosReport): void {
  const changes = new Map<number, Change>()
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1)
  for (const line of lines) takeLine(line.split(' '), { shadow, report, changes })
  shadow.forgetBegun()
  rmSync(log)
}

interface Account {
  readonly shadow: Shadow
  readonly report: ChaosReport
  readonly changes: Map<number, Change>
}

function takeLine([what, ...words]: string[], { shadow, report, changes }: Account): void {
  const { ios, errors, violations } = report
  const [first = '', second = '', third = '', fourth = ''] = words
  const count = (code: string) => void (errors[code] = (errors[code] ?? 0) + 1)
  switch (what) {
    case 'S': {
      const generation = Number(second)
      changes.set(generation, first as Change)
      shadow.begin({ generation, change: first as Change, first: Number(third), count: Number(fourth) })
      return
    }
    case 'A':
      shadow.acknowledge(Number(first))
      ios[COUNTED[changes.get(Number(first)) ?? 'write']] += 1
      return
    case 'E':
      shadow.fail(Number(first), second)
      return count(third)
    case 'e':
      return count(first)
    case 'R':
      ios.reads += 1
      return
    case 'F':
      ios.flushes += 1
      return
    case 'V':
      violations.push(words.join(' '))
      return
    default:
      throw new Error(`the log of the load says ${what}`)
  }
}
