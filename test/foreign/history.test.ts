import fc from 'fast-check'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  journalExport,
  journalJson,
  journalPretty,
  NIGHT,
  plainFacts,
  shortIso,
  syslog,
  tell,
} from './night.ts'

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`
const WHOLE = { 'journal.txt': text(shortIso(NIGHT)) }

describe('a night on a host that others run', () => {
  it('is told as facts with causes: link, errors, failures, darkness, and back', async () => {
    const told = await tell(WHOLE)
    const what = told.facts.map((fact) => fact.what)
    expect(what.filter((one) => one === 'failed')).toHaveLength(2)
    const dark = told.facts.find((fact) => fact.what === 'dark')
    expect(dark).toMatchObject({ detail: { io: 'queued' }, rule: 'last-path' })
    const failed = told.facts[dark?.cause ?? -1]
    expect(failed).toMatchObject({
      what: 'failed',
      subject: { dev: 'sdc', hctl: '1:0:1:5', map: 'mpathq' },
      rule: 'io-error',
    })
    const errors = told.facts[failed?.cause ?? -1]
    expect(errors).toMatchObject({
      what: 'ioErrors',
      rule: 'adapter',
      detail: { hostbyte: 'DID_TRANSPORT_FAILFAST', sector: 2048 },
    })
    expect(told.facts[errors?.cause ?? -1]).toMatchObject({
      what: 'linkDown',
      subject: { pci: '0000:0b:00.0' },
    })
  })

  it('answers: first failed, unusable, dark, brought back, and what no template fits', async () => {
    const told = await tell(WHOLE)
    expect(told.answers.firstFailed).toMatchObject({ path: { dev: 'sdb' } })
    expect(told.answers.unusable).toMatchObject([{ seconds: 29.9 }, { seconds: 29.9 }])
    expect(told.answers.mapsWithoutPath).toMatchObject([{ seconds: 27.9, io: 'queued', endedBy: 'lit' }])
    expect(told.answers.correlated).toMatchObject([{ adapter: 'host1', paths: 2 }])
    expect(told.answers.broughtBack).toMatchObject([{ kind: 'transport' }])
    expect(told.unread).toEqual([['journal.txt', 18]])
    const { lines, witness, context, noise, unread } = told.counts
    expect(witness! + context! + noise! + unread!).toBe(lines)
    expect(told.explain).toContain('0000:0b:00.0')
    expect(told.explain).not.toMatch(/cable|SFP|switch/)
  })

  it('is the same in every form of the journal', async () => {
    const facts = plainFacts(await tell(WHOLE))
    expect(plainFacts(await tell({ a: text(journalJson(NIGHT)) }))).toEqual(facts)
    expect(plainFacts(await tell({ a: text(journalPretty(NIGHT)) }))).toEqual(facts)
    expect(plainFacts(await tell({ a: text(journalExport(NIGHT)) }))).toEqual(facts)
  })

  it('is the same packed, in whatever order, split anywhere, and read twice', async () => {
    const lines = shortIso(NIGHT)
    const facts = plainFacts(await tell(WHOLE))
    expect(plainFacts(await tell({ 'a.gz': gzipSync(text(lines)) }))).toEqual(facts)
    expect(plainFacts(await tell({ 'a.zst': zstdCompressSync(text(lines)) }))).toEqual(facts)
    expect(plainFacts(await tell({ a: text(lines), copy: text(lines) }))).toEqual(facts)
    for (let at = 1; at < lines.length; at += 1) {
      const parts = { z: text(lines.slice(0, at)), a: text(lines.slice(at)) }
      expect(plainFacts(await tell(parts)), `split before line ${at + 1}`).toEqual(facts)
    }
  })

  it('is one when a file without year and zone has it as well', async () => {
    const told = await tell(
      { 'journal.txt': text(shortIso(NIGHT)), messages: text(syslog(NIGHT)) },
      { zone: 'UTC' },
    )
    expect(plainFacts(told)).toEqual(plainFacts(await tell(WHOLE)))
    expect(told.facts.find(({ what }) => what === 'failed')?.lines.map(([name]) => name)).toContain(
      'messages',
    )
  })

  it('tells nothing new when a line is missing', async () => {
    const lines = shortIso(NIGHT)
    const key = (fact: { what: string; subject: Record<string, unknown> }): string =>
      `${fact.what} ${String(fact.subject.dev ?? fact.subject.map)}`
    const known = new Set((await tell(WHOLE)).facts.map(key))
    for (let out = 0; out < lines.length; out += 1) {
      const told = await tell({ a: text(lines.toSpliced(out, 1)) })
      expect(
        told.facts.map(key).filter((one) => !known.has(one)),
        lines[out],
      ).toEqual([])
    }
  })

  it('never fails on bytes, and every line ends somewhere', async () => {
    const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array))
    const spliced = fc
      .tuple(bytes, fc.nat(NIGHT.length - 1))
      .map(([junk, at]) => Buffer.concat([Buffer.from(text(shortIso(NIGHT).slice(at))), junk]))
    await fc.assert(
      fc.asyncProperty(fc.oneof(bytes, spliced), async (content) => {
        const { counts } = await tell({ a: content }, { nowUs: 0 })
        const { lines, witness, context, noise, unread } = counts
        expect(witness! + context! + noise! + unread!).toBe(lines)
        expect(context).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 60 },
    )
  })

  it('takes no word about a path of a map that has just been made for a return', async () => {
    const at = (text: string): (typeof NIGHT)[number] => ({ us: NIGHT[0]!.us, program: 'multipathd', text })
    const made = [
      at('mpathq: addmap [0 2097152 multipath 0 1 alua 1 1 service-time 0 2 1 8:16 1 8:32 1]'),
      at('mpathq: sdb - tur checker reports path is up'),
      at('8:16: reinstated'),
      at('mpathq: remaining active paths: 2'),
    ]
    const told = await tell({ a: text(shortIso(made)) })
    expect(told.facts.map(({ what }) => what)).toEqual(['tableLoaded', 'checkerUp', 'activePaths'])
    expect(told.answers.unusable).toEqual([])
  })

  it('reads what is packed up to the damage, and says so', async () => {
    const packed = gzipSync(text(shortIso(NIGHT)))
    const told = await tell({ 'a.gz': packed.subarray(0, packed.length - 40) })
    expect(told.notKnown.some((sentence) => sentence.includes('unpacking ended'))).toBe(true)
  })
})
