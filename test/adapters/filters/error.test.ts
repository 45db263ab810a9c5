import { describe, expect, test } from 'vitest'
import { errorFilter } from '../../../adapters/filters/error.ts'
import type { ErrorSettings } from '../../../adapters/filters/error.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import { makeRequest, makeWrite, pathContract, perform } from '../contract.ts'
import { makeInner } from './filtered.ts'

pathContract('an error filter that is off', async () => {
  const { inner, clock } = makeInner()
  return { path: errorFilter(inner).path, turn: () => clock.drain() }
})

function makeFiltered(
  settings: Partial<ErrorSettings> & { active?: boolean } = {},
  random = seededRandom(1),
) {
  const made = makeInner()
  const { path, control } = errorFilter(made.inner, settings, { random })
  return { ...made, path, control, turn: () => made.clock.drain() }
}

const READ = makeRequest({ op: 'read', length: 512 })

describe('error filter', () => {
  test('while on, an I/O fails without reaching the path; off again, it passes', async () => {
    const subject = makeFiltered()
    subject.control.enable()
    expect(await perform(subject, makeWrite(0, 512, 1))).toEqual({ errno: 'EIO', status: null, bytes: 0 })
    expect([subject.reached, subject.lun.medium[0], subject.control.failed]).toEqual([[], 0, 1])
    subject.control.disable()
    expect(await perform(subject, makeWrite(0, 512, 1))).toMatchObject({ errno: null, bytes: 512 })
    expect([subject.reached.length, subject.lun.medium[0], subject.control.failed]).toEqual([1, 1, 1])
  })

  test('the error comes in a later turn, without the clock', async () => {
    const { path, clock } = makeFiltered({ active: true })
    let errno: string | null = null
    path.submit(READ, (completion) => (errno = completion.errno))
    expect([errno, clock.pendingTimers()]).toEqual([null, 0])
    await Promise.resolve()
    expect(errno).toBe('EIO')
  })

  test('errno and status are what it was told', async () => {
    const subject = makeFiltered({ errno: 'EREMOTEIO', status: 'TARGET', active: true })
    expect(await perform(subject, READ)).toEqual({ errno: 'EREMOTEIO', status: 'TARGET', bytes: 0 })
  })

  test('only the chosen operation fails', async () => {
    const subject = makeFiltered({ op: 'flush', active: true })
    expect(await perform(subject, READ)).toMatchObject({ errno: null })
    expect(await perform(subject, makeRequest({ op: 'flush' }))).toMatchObject({ errno: 'EIO' })
  })

  test('after its count of errors it turns itself off, and enabling counts anew', async () => {
    const subject = makeFiltered({ count: 2, active: true })
    const run = async () => (await perform(subject, READ)).errno
    expect([await run(), await run(), await run()]).toEqual(['EIO', 'EIO', null])
    expect(subject.control.active).toBe(false)
    subject.control.enable({ errno: 'ENOSPC' })
    expect([await run(), await run(), await run()]).toEqual(['ENOSPC', 'ENOSPC', null])
    expect(subject.control.failed).toBe(4)
  })

  test('with a range only I/O that touches it fails, and no flush', async () => {
    const subject = makeFiltered({ range: { offset: 4096, length: 512 }, active: true })
    const at = async (offset: number, length: number) =>
      (await perform(subject, makeRequest({ op: 'read', offset, length }))).errno
    expect([await at(3584, 512), await at(4608, 512)]).toEqual([null, null])
    expect([await at(4096, 512), await at(0, 8192), await at(4096, 4096)]).toEqual(['EIO', 'EIO', 'EIO'])
    expect(await perform(subject, makeRequest({ op: 'flush' }))).toMatchObject({ errno: null })
  })

  test('a rate fails about that share, the same ones for the same seed', async () => {
    const run = async () => {
      const subject = makeFiltered({ ratePerMillion: 250_000, active: true })
      const outcomes: (string | null)[] = []
      for (let io = 0; io < 400; io += 1) outcomes.push((await perform(subject, READ)).errno)
      return outcomes
    }
    const outcomes = await run()
    const failed = outcomes.filter((errno) => errno !== null).length
    expect(failed).toBeGreaterThan(60)
    expect(failed).toBeLessThan(140)
    expect(await run()).toEqual(outcomes)
  })

  test('a rate of nothing fails nothing, and the ends of the scale draw no numbers', async () => {
    const random = {
      nextUint32: (): number => {
        throw new Error('drawn')
      },
    }
    const subject = makeFiltered(
      { ratePerMillion: 0, active: true },
      random as ReturnType<typeof seededRandom>,
    )
    expect(await perform(subject, READ)).toMatchObject({ errno: null })
    subject.control.enable({ ratePerMillion: 1_000_000 })
    expect(await perform(subject, READ)).toMatchObject({ errno: 'EIO' })
  })

  test.each<Partial<ErrorSettings>>([
    { errno: '5' },
    { errno: 'ERR_OUT_OF_RANGE' },
    { op: 'reads' as 'read' },
    { ratePerMillion: 1_000_001 },
    { ratePerMillion: 0.5 },
    { count: 0 },
    { range: { offset: 0, length: 0 } },
  ])('settings that cannot be are refused, and change nothing: %j', (settings) => {
    const refused = expect.objectContaining({ code: 'FILTER_SETTING' })
    expect(() => makeFiltered(settings)).toThrow(refused)
    const { control } = makeFiltered()
    const before = control.settings
    expect(() => {
      control.enable(settings)
    }).toThrow(refused)
    expect([control.active, control.settings]).toEqual([false, before])
  })

  test('a rate between the ends needs a source of numbers', () => {
    const { inner } = makeInner()
    const refused = expect.objectContaining({ code: 'FILTER_SETTING' })
    expect(() => errorFilter(inner, { ratePerMillion: 1 })).toThrow(refused)
  })
})
