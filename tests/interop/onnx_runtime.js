// onnx_runtime.js FOLDER: runs what onnx_cases wrote there in ONNX Runtime, without graph optimizations and with all, and
// compares logits and classes with quench's. NODE_PATH names where onnxruntime-node lies.
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const floats = file => {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

function compare(logits, expected, classes) {
  let worst = 0, agreeing = 0, equal = 0;
  const images = expected.length / classes;
  for (let n = 0; n < images; ++n) {
    const own = logits.subarray(n * classes, (n + 1) * classes);
    const other = expected.subarray(n * classes, (n + 1) * classes);
    const largest = Math.max(...other.map(Math.abs));
    const error = Math.max(...other.map((x, i) => Math.abs(x - own[i]))) / largest;
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
    agreeing += own.indexOf(Math.max(...own)) === other.indexOf(Math.max(...other)) ? 1 : 0;
    equal += other.every((x, i) => x === own[i]) ? 1 : 0;
  }
  return {worst, agreeing, equal, images};
}

async function run(folder, c, level) {
  const options = {graphOptimizationLevel: level, executionProviders: ['cpu'], intraOpNumThreads: 1};
  const session = await ort.InferenceSession.create(path.join(folder, c.file + '.onnx'), options);
  const images = new ort.Tensor('float32', floats(path.join(folder, c.file + '.images')), c.dims);
  const {logits} = await session.run({images});
  const result = compare(logits.data, floats(path.join(folder, c.file + '.logits')), c.classes);
  await session.release();
  return result;
}

(async () => {
  const folder = process.argv[2];
  let failed = 0, agreeing = 0, images = 0;
  for (const c of JSON.parse(fs.readFileSync(path.join(folder, 'cases.json')))) {
    for (const level of ['disabled', 'all']) {
      const r = await run(folder, c, level);
      // Scales in the operands round real numbers: one that lies between two codes may take the other.
      const held = level === 'disabled' && c.form !== 'operands';
      const ok = !held || (r.agreeing === r.images && r.worst <= 1e-4);
      failed += ok ? 0 : 1;
      if (level === 'disabled' && c.form === 'operands') [agreeing, images] = [agreeing + r.agreeing, images + r.images];
      console.log([c.name.padEnd(30), c.form.padEnd(8), level.padEnd(8), `classes ${r.agreeing}/${r.images}`,
        `to the bit ${r.equal}/${r.images}`, `off by ${r.worst.toExponential(1)}`, ok ? '' : 'FAILED'].join('  '));
    }
  }
  console.log(`${failed} cases failed; scales in operands: ${agreeing} of ${images} images have quench's class`);
  process.exit(failed === 0 && agreeing >= 0.98 * images ? 0 : 1);
})().catch(error => { console.error(error.message); process.exit(1); });
