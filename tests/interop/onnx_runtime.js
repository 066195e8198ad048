// onnx_runtime.js FOLDER: runs what onnx_cases wrote there in ONNX Runtime, without graph optimizations and with all, and
// compares logits and classes with quench's. NODE_PATH names where onnxruntime-node lies.
const fs = require('fs');
const os = require('os');
const path = require('path');
const ort = require('onnxruntime-node');

const floats = file => {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};
/// The class of each image.
function classesOf(logits, classes) {
  return Array.from({length: logits.length / classes}, (_, n) => {
    const own = logits.subarray(n * classes, (n + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
}

/// The images of another class than expected, with the class they have.
function differing(classes, expected) {
  return classes.map((found, image) => ({image, class: found})).filter(o => o.class !== expected[o.image]);
}

function compare(logits, expected, classes) {
  let worst = 0, equal = 0;
  const others = differing(classesOf(logits, classes), classesOf(expected, classes));
  const images = expected.length / classes;
  for (let n = 0; n < images; ++n) {
    const own = logits.subarray(n * classes, (n + 1) * classes);
    const other = expected.subarray(n * classes, (n + 1) * classes);
    const error = Math.max(...other.map((x, i) => Math.abs(x - own[i]))) / Math.max(...other.map(Math.abs));
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
    equal += other.every((x, i) => x === own[i]) ? 1 : 0;
  }
  return {worst, equal, images, others};
}

/// How often a file has the name of an operator.
function occurrences(file, name) {
  return fs.readFileSync(file).toString('latin1').split(name).length - 1;
}

async function run(folder, c, level) {
  const optimized = path.join(folder, 'optimized.onnx');
  const options = {graphOptimizationLevel: level, executionProviders: ['cpu'], intraOpNumThreads: 1,
    optimizedModelFilePath: optimized, logSeverityLevel: 3};
  const session = await ort.InferenceSession.create(path.join(folder, c.file + '.onnx'), options);
  const images = new ort.Tensor('float32', floats(path.join(folder, c.file + '.images')), c.dims);
  const {logits} = await session.run({images});
  const result = compare(logits.data, floats(path.join(folder, c.file + '.logits')), c.classes);
  await session.release();
  return {...result, integerKernels: occurrences(optimized, 'QLinearConv')};
}

/// Whether the runtime's int8 kernels add products in 32 bits here; elsewhere pairs of them saturate in 16.
function hasVnni() {
  const flags = fs.existsSync('/proc/cpuinfo') ? fs.readFileSync('/proc/cpuinfo', 'utf8') : '';
  return /avx512_vnni|avx_vnni/.test(flags);
}

/// Images of one form at one level, over all networks; and where classes differ, whether sums can saturate there.
class Tally {
  constructor() {
    this.images = this.agreeing = 0;
    this.lines = [];
  }
  add(c, images, others, remark = '') {
    this.images += images;
    this.agreeing += images - others.length;
    if (others.length === 0 || !c.saturation) return;
    const {layers, of_layers} = c.saturation, shown = 4;
    const names = layers.slice(0, shown).join(', ') + (layers.length > shown ? ', ...' : '');
    this.lines.push(`  ${c.name}: ${others.length} of ${images} images have another class${remark}; sums can saturate in 16 ` +
      `bits in ${layers.length} of ${of_layers} layers${names && ': ' + names}`);
  }
  print(what) {
    console.log(`${what}: ${this.agreeing} of ${this.images} images have quench's class`);
    this.lines.forEach(line => console.log(line));
  }
}

(async () => {
  const folder = process.argv[2];
  let failed = 0;
  const tallies = {}, saturating = new Tally();
  for (const c of JSON.parse(fs.readFileSync(path.join(folder, 'cases.json')))) {
    if (c.form === 'operands') {
      const own = classesOf(floats(path.join(folder, c.file + '.logits')), c.classes);
      saturating.add(c, own.length, differing(c.saturation.classes, own));
    }
    for (const level of ['disabled', 'all']) {
      const r = await run(folder, c, level);
      // Scales in the operands round real numbers: one that lies between two codes may take the other.
      const held = level === 'disabled' && c.form !== 'operands';
      const exact = level === 'disabled' && c.form === 'sums';
      const fuses = level === 'disabled' || r.integerKernels === c.fused;
      // An integer that wraps around is no matter of rounding.
      const wraps = c.name === 'dead_channel' && r.worst > 0.1;
      const ok = fuses && !wraps &&
        (!held || (r.others.length === 0 && r.worst <= 1e-4 && (!exact || r.equal === r.images)));
      failed += ok ? 0 : 1;
      const saturated = c.saturation ? r.others.filter(o => c.saturation.classes[o.image] === o.class).length : 0;
      (tallies[`${c.form}, optimizations ${level}`] ??= new Tally())
        .add(c, r.images, r.others, `, ${saturated} of them that of saturating kernels`);
      console.log([c.name.padEnd(30), c.form.padEnd(8), level.padEnd(8), `classes ${r.images - r.others.length}/${r.images}`,
        `to the bit ${r.equal}/${r.images}`, `off by ${r.worst.toExponential(1)}`,
        `${r.integerKernels} integer kernels`, ok ? '' : 'FAILED'].join('  '));
    }
  }
  console.log(`${os.cpus()[0].model.trim()}, ${hasVnni()
    ? 'with VNNI: int8 kernels add products in 32 bits, and nothing saturates here'
    : 'without VNNI: int8 kernels add pairs of products in 16 bits, and may saturate'}`);
  for (const [what, tally] of Object.entries(tallies)) tally.print(what);
  saturating.print('kernels that saturate, emulated');
  const operands = tallies['operands, optimizations disabled'];
  console.log(`${failed} cases failed`);
  process.exit(failed === 0 && operands.agreeing >= 0.98 * operands.images ? 0 : 1);
})().catch(error => { console.error(error.message); process.exit(1); });
