import { describe, expect, test } from 'vitest'
import type { MultipathOptions } from '../../engine/assemble.ts'
import { Multipath } from '../../engine/multipath.ts'
import { parseSettings } from '../../engine/core/settings.ts'
import { PathledgerError } from '../../errors.ts'

function refusal(settings: Record<string, unknown>): PathledgerError {
  try {
    parseSettings(settings)
  } catch (error) {
    if (error instanceof PathledgerError) return error
    throw error
  }
  throw new Error('the settings were taken')
}

describe('settings', () => {
  test('without any they are the documented defaults', () => {
    expect(parseSettings({})).toMatchObject({
      multipath: 'on',
      iopolicy: 'numa',
      noPathRetry: 'fail',
      delayedRemovalMs: 0,
      checker: { minMs: 1_000, maxMs: 20_000 },
      failThreshold: 4,
      requeueBytesMax: 64 * 1024 * 1024,
      errorRowsPerMinute: 1_000,
    })
  })

  test.each(['once', 'office', 'alwaysx', 'ON', 'on\n\n', ' on', 'on ', '', 'true', 'offon'])(
    'D-12: the mode %j is refused: words match exactly',
    (multipath) => {
      const error = refusal({ multipath })
      expect(error).toMatchObject({ code: 'SETTINGS_INVALID', errno: 'EINVAL' })
      expect(error.why).toContain('multipath')
      for (const word of ['off', 'on', 'always']) expect(error.why).toContain(`"${word}"`)
    },
  )

  test.each(['numa', 'round-robin', 'queue-depth'] as const)('the policy %s is one', (iopolicy) => {
    expect(parseSettings({ iopolicy }).iopolicy).toBe(iopolicy)
  })

  test.each([
    ['iopolicy', 'roundrobin'],
    ['iopolicy', 'numa\n\n'],
    ['noPathRetry', 'never'],
    ['noPathRetry', 0],
    ['noPathRetry', -1],
    ['noPathRetry', 1.5],
    ['failThreshold', 0],
    ['attemptsMax', 0],
    ['numaNodes', 0],
    ['numaNodes', 1.5],
    ['delayedRemovalMs', -1],
    ['delayedRemovalMs', 86_400_001],
    ['probeTimeoutMs', 0],
    ['probeTimeoutMs', Number.NaN],
    ['bioBytesMax', 512],
    ['poolBytes', 4096],
    ['requeueBytesMax', 0],
    ['waitersMax', 0],
    ['waitersBytesMax', 0],
    ['ledgerStallMs', 0],
    ['ledgerPendingMax', 1],
    ['errorRowsPerMinute', 0],
  ])('%s %j is refused, and named', (name, value) => {
    const error = refusal({ [name]: value })
    expect(error.code).toBe('SETTINGS_INVALID')
    expect(error.why).toContain(`${name}: `)
    expect(error.todo).not.toBe('')
  })

  test('each wrong one is named, not only the first', () => {
    const { why } = refusal({ multipath: 'once', failThreshold: 0, checker: { minMs: 0 } })
    expect(why).toContain('multipath: ')
    expect(why).toContain('failThreshold: ')
    expect(why).toContain('checker.minMs: ')
  })

  test('a setting that does not exist is refused, not ignored', () => {
    expect(refusal({ failTreshold: 3 }).why).toContain('failTreshold')
  })

  test('a checker that would begin slower than it ends is refused', () => {
    expect(refusal({ checker: { minMs: 2_000, maxMs: 1_000 } }).why).toContain('minMs')
  })

  test('an engine is not opened with them, and its ledger is not made', async () => {
    const options = { ledger: 'nowhere/at-all.ledger', multipath: 'office' } as unknown as MultipathOptions
    await expect(Multipath.open(options)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })
})
