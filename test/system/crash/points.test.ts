// SIGKILL at named points: between every decision and its record, its record and its effect, its effect and the engine's hearing
// of it. PATHLEDGER_CRASH_POINTS=all kills at each point that the story comes to, not only at those that matter most.
import { existsSync, rmSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Story } from './story.ts'

const NAMED = [
  'append.before engine.started',
  'append.after head.published',
  'submit.after write',
  'complete write',
  'append.before path.failed',
  'append.after path.failed',
  'lun.before openGhosts',
  'lun.after openGhosts',
  'lun.before endGhosts',
  'append.after lun.ghostsEnded',
  'complete flush',
  'append.before path.removed',
  'append.before engine.stopped',
]

function story(): Story {
  const made = new Story()
  onTestFinished(() => rmSync(made.folder, { recursive: true }))
  return made
}

describe('SIGKILL at a named point', () => {
  const all = process.env['PATHLEDGER_CRASH_POINTS'] === 'all'

  test('the story comes to every point that is named here, and a run after it starts clean', () => {
    const whole = story()
    const points = whole.run(null)
    whole.check()
    expect(NAMED.filter((name) => !points.includes(name))).toEqual([])
    whole.run(null)
    whole.check()
    const others = [...new Set(points)].filter((name) => !NAMED.includes(name))
    // Which timers fire in a story is not the same each time.
    for (const name of all ? others : []) dieAt(name, true)
  }, 600_000)

  test.each(NAMED)('%s: nothing acknowledged is lost, and the next engine goes on', (name) => {
    dieAt(name, false)
  })
})

function dieAt(name: string, mayMiss: boolean): void {
  const killed = story()
  const last = killed.run(name, mayMiss).at(-1)
  expect(last === name || mayMiss).toBe(true)
  // Before anything of it was durable there may be no ledger yet.
  if (existsSync(killed.ledger)) killed.check()
  killed.run(null)
  killed.check()
}
