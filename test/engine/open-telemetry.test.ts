// Lifecycle events as spans, through a tracer that is not OpenTelemetry's: nothing of it has to be installed.
import { expect, test } from 'vitest'
import { openTelemetry, type OtelTime, type OtelTracer } from '../../engine/views/open-telemetry.ts'
import { bytesOf, Rig, WWID } from './rig.ts'

interface FakeSpan {
  readonly id: number
  readonly name: string
  readonly attributes: Record<string, unknown>
  readonly links: number[]
  readonly startUs: number
  endUs: number | null
  error: boolean
}

const usOf = ([seconds, nanoseconds]: OtelTime): number => seconds * 1_000_000 + nanoseconds / 1_000

function fakeTracer(): { tracer: OtelTracer; spans: FakeSpan[] } {
  const spans: FakeSpan[] = []
  const tracer: OtelTracer = {
    startSpan(name, { startTime, attributes, links }) {
      const linked = links.map(({ context }) => (context as { id: number }).id)
      const span: FakeSpan = {
        ...{ id: spans.length, name, attributes: { ...attributes }, links: linked },
        ...{ startUs: usOf(startTime), endUs: null, error: false },
      }
      spans.push(span)
      return {
        spanContext: () => ({ id: span.id }),
        setAttributes: (more) => Object.assign(span.attributes, more),
        setStatus: ({ code }) => (span.error = code === 2),
        end: (time) => (span.endUs = usOf(time ?? [0, 0])),
      }
    },
  }
  return { tracer, spans }
}

test('of so many events the causes are remembered; an effect of an older one has no link', () => {
  const { tracer, spans } = fakeTracer()
  const listen = openTelemetry(tracer)
  const event = {
    type: 'path.checkPassed',
    stream: 'path/x/8:0:0:0',
    data: '{}',
    actor: 'engine',
    reason: null,
  }
  const at = (position: number, cause: number | null) =>
    listen({
      event: { ...event, position, cause, recordedAtUs: position, monoUs: position },
      state: { value: {}, context: {} },
    } as never)
  for (let position = 1; position <= 10_001; position += 1) at(position, null)
  at(10_002, 1)
  at(10_003, 3)
  expect(spans.slice(-2).map(({ links }) => links)).toEqual([[], [2]])
})

test('each event is a span with its payload, linked to its cause; a failure is one from its beginning to its end', async () => {
  const rig = await Rig.open({ ioTrace: 'full' })
  const { tracer, spans } = fakeTracer()
  const stop = rig.mp.subscribe(openTelemetry(tracer))
  const a = await rig.add('8:0:0:0')
  await rig.add('9:0:0:0')
  a.fail({ errno: 'EIO' })
  await rig.write(0, bytesOf(1))
  a.heal()
  await rig.pass(5_000)
  const named = (name: string) => spans.filter((span) => span.name === name)

  const rows = rig.rows().filter(({ type, position }) => position > 2 && !type.endsWith('.ioSampled'))
  const events = spans.filter(({ name }) => name.includes('.'))
  expect(events.map(({ name, endUs }) => [name, endUs])).toEqual(
    rows.map(({ type, recordedAtUs }) => [type, recordedAtUs]),
  )
  const [failed] = named('path.failed')
  const [suspected] = named('path.suspected')
  expect(failed).toMatchObject({ links: [suspected!.id], error: true })
  expect(failed!.attributes).toMatchObject({
    ...{ 'pathledger.stream': `path/${WWID}/8:0:0:0`, 'pathledger.verdict': 'probe', 'pathledger.errors': 1 },
    'pathledger.first': expect.stringContaining('"errno":"EIO"') as unknown,
  })
  const [failure, ...others] = named('path failure')
  const [succeeded] = named('path.probeSucceeded')
  expect(others).toEqual([])
  expect(failure).toMatchObject({ startUs: failed!.endUs, endUs: succeeded!.endUs, links: [failed!.id] })
  const [io] = named('head.ioTraced')
  expect(io!.endUs! - io!.startUs).toBe(Number(io!.attributes['pathledger.tookUs']))
  expect(spans.filter(({ endUs }) => endUs === null)).toEqual([])

  stop()
  const before = spans.length
  a.path.fail({ actor: 'operator:0', reason: 'unheard' })
  await rig.settle()
  expect(spans).toHaveLength(before)
})

test('a head without a path is a span that is open until one is back', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue' })
  const { tracer, spans } = fakeTracer()
  const a = await rig.add('8:0:0:0')
  rig.mp.subscribe(openTelemetry(tracer))
  a.path.fail({ actor: 'operator:0', reason: 'cable' })
  await rig.settle()
  const dark = () => spans.find(({ name }) => name === 'head without a path')
  expect(dark()).toMatchObject({ endUs: null })
  await rig.pass(1_000)
  a.path.reinstate({ actor: 'operator:0', reason: 'swapped' })
  await rig.settle()
  expect(dark()!.endUs! - dark()!.startUs).toBe(1_000_000)
  expect(dark()!.attributes['pathledger.endedBy']).toBe('head.pathsChanged')
})
