// Every line that a template shows, alone and with any other, behind any envelope.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TEMPLATES, type Reading, read } from '../../foreign/templates/index.ts'
import { lineOf } from '../../foreign/envelopes/envelope.ts'
import type { Template } from '../../foreign/templates/template.ts'
import {
  journalExport,
  journalJson,
  journalPretty,
  shortIso,
  START_US,
  syslog,
  tell,
  type Said,
  type Told,
} from './night.ts'

const PROGRAM = { multipathd: 'multipathd', kernel: 'kernel', iscsid: 'iscsid', system: 'systemd' } as const
const ENVELOPES = [shortIso, journalJson, journalPretty, journalExport, syslog] as const
const SETTINGS = { zone: 'UTC', nowUs: START_US + 86_400_000_000 }

function said({ of, line }: Template, second: number): Said {
  return { us: START_US + second * 1_000_000, program: PROGRAM[of], text: line }
}

function kindOf({ of, line }: Template): Reading['kind'] {
  return read(lineOf('test', null, { program: PROGRAM[of], text: line })).kind
}

function addUp({ counts }: Told): void {
  const { lines, witness, context, noise, unread } = counts
  expect(Math.min(witness!, context!, noise!, unread!)).toBeGreaterThanOrEqual(0)
  expect(witness! + context! + noise! + unread!).toBe(lines)
}

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`

describe('every line that a template shows', () => {
  it('is read alone, and ends in one place', async () => {
    for (const template of TEMPLATES) {
      const told = await tell({ log: text(shortIso([said(template, 0)])) }, SETTINGS)
      addUp(told)
      expect(told.counts.lines, template.id).toBe(1)
      expect(told.unread, template.id).toEqual([])
      if (kindOf(template) === 'noise') expect(told.counts.noise, template.id).toBe(1)
    }
  })

  it('is read with any other behind any envelope, near and far, and ends in one place', async () => {
    const pick = fc.constantFrom(...TEMPLATES)
    await fc.assert(
      fc.asyncProperty(
        fc.array(pick, { minLength: 2, maxLength: 4 }),
        fc.constantFrom(...ENVELOPES),
        fc.constantFrom(0, 1, 30, 700),
        async (templates, envelope, apart) => {
          const lines = envelope(templates.map((template, index) => said(template, index * apart)))
          const told = await tell({ log: text(lines) }, SETTINGS)
          addUp(told)
          expect(told.unread).toEqual([])
          for (const { cause } of told.facts) expect(cause ?? 0).toBeLessThan(told.facts.length)
        },
      ),
      { numRuns: 250 },
    )
  })

  it('is read with all the others in one file, forwards and backwards', async () => {
    for (const order of [TEMPLATES, TEMPLATES.toReversed()]) {
      const told = await tell({ log: text(shortIso(order.map((one, index) => said(one, index)))) }, SETTINGS)
      addUp(told)
      expect(told.counts.lines).toBe(TEMPLATES.length)
      expect(told.unread).toEqual([])
      expect(new Set(told.facts.map(({ what }) => what)).size).toBeGreaterThan(40)
    }
  })
})
