// Incidents of one path that no I/O error alone makes: how well it works, what its device is, its size, its transport.
import {
  evidenceOf,
  headOf,
  maybeOlder,
  meet,
  NO_OTHER,
  oneUnit,
  PATH_ERRORS,
  pathOf,
  victim,
  type Asked,
  type Kind,
} from '../ask.ts'
import { there } from '../world.ts'

export const PATH_LIFE_KINDS: readonly Kind[] = [
  {
    name: 'path-marginal-by-errors',
    run: async (world) => {
      await world.open({
        ...{ iopolicy: 'round-robin', checker: { minMs: 50, maxMs: 100 } },
        marginal: { on: true, windowMs: 1_000, windowIosMin: 5, sampleMs: 60_000, doubleFailureMs: 0 },
      })
      const lun = world.lun()
      const path = await world.add(lun, '8:0:0:0')
      await world.add(lun, '9:0:0:0')
      world.fail([path], { errno: 'ENOLINK' })
      await world.io(lun, 4, 'read')
      await world.pass(300)
      world.heal([path])
      await world.pass(5_000)
      await world.io(lun, 14, 'read')
      const after = world.position
      world.met.length = 0
      const at = 512 * 1024
      world.fail([path], { errno: 'EIO', op: 'read', range: { offset: at, length: 4096 } })
      for (let turn = 0; turn < 4; turn += 1) await world.one_(lun, 'read', at)
      await world.pass(100)
      const root = {
        ...evidenceOf(world.firstMet, PATH_ERRORS[1]),
        path: path.hctl,
      }
      return [
        {
          target: pathOf(path),
          root: { ...root, length: root.length ?? 0 },
          after,
          layer: 'path',
          never: [/ENOLINK/],
        },
      ]
    },
  },
  {
    name: 'path-marginal-by-slowness',
    run: async (world) => {
      await world.open({
        iopolicy: 'round-robin',
        marginal: { on: true, windowMs: 10_000, windowIosMin: 5, sampleMs: 60_000, slowMs: 20 },
      })
      const lun = world.lun()
      const path = await world.add(lun, '8:0:0:0')
      await world.add(lun, '9:0:0:0')
      await world.io(lun, 4)
      await maybeOlder(world)
      await world.pass(20_000)
      const after = world.position
      path.delay.enable({ delayUs: 50_000 })
      await world.io(lun, 30)
      const root = { kind: 'slow', path: path.hctl, errno: null } as const
      return [{ target: pathOf(path), root, after, layer: 'path', never: [...NO_OTHER, /failed: /] }]
    },
  },
  {
    name: 'path-is-another-device',
    run: async (world) => {
      await oneUnit(world, { checker: { minMs: 100, maxMs: 1_000, healthyMaxMs: 1_000 } })
      const path = victim(world)
      const after = world.position
      path.memory.setIdentity('naa.60000000000000000000000000000bad')
      await world.pass(5_000)
      const root = { kind: 'identity', path: path.hctl, errno: null, op: null } as const
      return [
        {
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: [...NO_OTHER, /ENODEV/],
          comesBack: false,
        },
      ]
    },
  },
  {
    name: 'path-failed-and-is-another-device',
    run: async (world) => {
      await oneUnit(world, { checker: { minMs: 300, maxMs: 600 } })
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'ENOLINK' })
      await meet(world, path)
      await world.pass(1_000)
      world.heal([path])
      path.memory.setIdentity('naa.60000000000000000000000000000bad')
      await world.pass(3_000)
      const root = { kind: 'identity', path: path.hctl, errno: null } as const
      return [
        {
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: NO_OTHER,
          comesBack: false,
          says: [/another device/],
        },
        { target: headOf(path), root, after, layer: 'path', never: NO_OTHER, comesBack: false },
      ]
    },
  },
  {
    name: 'path-shrank',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      path.memory.resize(512 * 1024)
      world.head(world.unit).rescan()
      await world.pass(100)
      const root = { kind: 'deviceState', path: path.hctl } as const
      const asked = {
        root,
        after,
        layer: 'path',
        never: [/Nothing has to be done/],
        says: [/fewer than|what lies behind/],
      } as const
      return [
        { ...asked, target: headOf(path) },
        { ...asked, target: pathOf(path) },
      ]
    },
  },
  {
    name: 'path-shrank-and-is-whole-again',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      path.memory.resize(512 * 1024)
      world.head(world.unit).rescan()
      await world.pass(100)
      path.memory.resize(1024 * 1024)
      world.head(world.unit).rescan()
      await world.pass(100)
      const never = [/something has to be done/, /became smaller/]
      return [
        {
          target: headOf(path),
          root: {},
          layer: world.rows().some(({ type }) => type === 'path.failed') ? 'path' : 'none',
          never,
        },
      ]
    },
  },
  {
    name: 'path-behind-in-size',
    run: async (world) => {
      await oneUnit(world)
      const grown = victim(world)
      const after = world.position
      const others = world.paths.filter((path) => path !== grown)
      grown.memory.resize(2 * 1024 * 1024)
      world.head(world.unit).rescan()
      await world.pass(100)
      const root = { kind: 'deviceState', path: grown.hctl } as const
      const says = [/is behind in size/]
      return [headOf(grown), pathOf(there(others[0]))].map((target) => ({
        target,
        root,
        after,
        layer: 'path',
        says,
      }))
    },
  },
  {
    name: 'transport-gone',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      world.live(path).setTransportOffline({ reason: 'dev_loss_tmo' })
      await world.pass(100)
      const root = { kind: 'deviceState', path: path.hctl, reason: 'dev_loss_tmo' } as const
      return [{ target: pathOf(path), root, after, layer: 'path', never: NO_OTHER, comesBack: false }]
    },
  },
  {
    name: 'transport-blocks',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      world.live(path).block({ reason: 'rport blocked' })
      await world.pass(100)
      const root = { kind: 'deviceState', path: path.hctl } as const
      return [{ target: pathOf(path), root, after, layer: 'path', never: NO_OTHER, comesBack: false }]
    },
  },
  {
    name: 'found-by-a-check',
    run: async (world) => {
      await oneUnit(world, { checker: { minMs: 100, maxMs: 400, healthyMaxMs: 1_000 } })
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'EIO' })
      await world.pass(5_000)
      const root = { kind: 'pathError', op: 'read', errno: 'EIO', path: path.hctl, length: 4096 } as const
      return [
        {
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: [...NO_OTHER, /sent again/],
          comesBack: true,
        },
      ]
    },
  },
  {
    name: 'device-refused',
    run: async (world) => {
      await oneUnit(world)
      const after = world.position
      const wrong = world.make(world.unit, '15:0:0:0')
      const small = { ...wrong.device, geometry: { ...wrong.device.geometry, sizeBytes: 512 * 1024 } }
      await world.drive(world.mp.addPath(small).catch(() => undefined))
      const root = { kind: 'refused', path: '15:0:0:0' } as const
      const asked = { root, after, layer: 'path', never: NO_OTHER } as const
      return [
        { ...asked, target: pathOf(wrong) },
        { ...asked, target: headOf(wrong) },
      ]
    },
  },
  {
    name: 'two-paths-at-two-times',
    run: async (world) => {
      await oneUnit(world, {}, 3)
      const [one, other] = [world.path(0), world.path(1)]
      const asked: Asked[] = []
      for (const [path, error] of [
        [one, PATH_ERRORS[0]],
        [other, PATH_ERRORS[1]],
      ] as const) {
        world.met.length = 0
        const after = world.position
        world.fail([path], { errno: error.errno })
        await meet(world, path)
        const root = evidenceOf(world.firstMet, error)
        asked.push({
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: [...NO_OTHER, /within two seconds/],
        })
        await world.pass(30_000)
      }
      return asked
    },
  },
  {
    name: 'path-lost-for-too-long',
    run: async (world) => {
      await oneUnit(world, { loss: { lossSeconds: 20, reconnectSeconds: 1, fastFailSeconds: 0 } })
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'ENOLINK' })
      await meet(world, path)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      await world.pass(60_000)
      return [
        {
          target: pathOf(path),
          root: { ...root, timer: 'loss' },
          after,
          layer: 'path',
          never: NO_OTHER,
          comesBack: false,
        },
      ]
    },
  },
]
