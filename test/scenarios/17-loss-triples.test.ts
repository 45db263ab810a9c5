// SPDK's test_check_io_error_resiliency_params: the same triples are taken and refused.
import { expect, test } from 'vitest'
import { parseSettings } from '../../engine/core/settings.ts'
import { Rig } from '../engine/rig.ts'

const I = 2_147_483_647
const U = 4_294_967_295
type Triple = readonly [loss: number, delay: number, fastFail: number]

const REFUSED: readonly Triple[] = [
  ...([
    [-2, 1, 0],
    [-1, 0, 0],
    [1, 0, 0],
    [1, 2, 0],
    [0, 1, 0],
  ] as const),
  ...([
    [0, 0, 1],
    [-1, 2, 1],
    [3, 2, 4],
    [3, 2, 1],
  ] as const),
]
const ACCEPTED: readonly Triple[] = [
  ...([
    [-1, 1, 0],
    [2, 2, 0],
    [2, 1, 0],
    [I, I, 0],
    [-1, U, 0],
  ] as const),
  ...([
    [-1, 1, 1],
    [2, 1, 2],
    [2, 1, 1],
    [I, I, I],
    [-1, U, U],
  ] as const),
]

const settingsOf = ([lossSeconds, reconnectSeconds, fastFailSeconds]: Triple) => ({
  loss: { lossSeconds, reconnectSeconds, fastFailSeconds },
})

test.each(REFUSED)(
  'scenario 17: (%d, %d, %d) is refused, with the reason, and nothing is opened',
  async (...triple) => {
    const opening = Rig.open(settingsOf(triple))
    await expect(opening).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      errno: 'EINVAL',
      why: expect.stringContaining('loss') as string,
    })
  },
)

test.each(ACCEPTED)('scenario 17: (%d, %d, %d) is accepted', async (...triple) => {
  expect(parseSettings(settingsOf(triple)).loss).toEqual(settingsOf(triple).loss)
  // And a path can live by it: its deadlines are whole numbers, a hundred years from now or not.
  const rig = await Rig.open(settingsOf(triple))
  const a = await rig.add('8:0:0:0')
  await rig.add('9:0:0:0')
  a.fail({ errno: 'EIO' })
  await rig.read(0)
  expect(a.path.state.health).not.toBe('online')
  expect(a.path.flags.waiting).toBe(true)
})

test('scenario 17: all of them 0 is none of it, as by default', () => {
  expect(parseSettings({}).loss).toEqual(settingsOf([0, 0, 0]).loss)
})
