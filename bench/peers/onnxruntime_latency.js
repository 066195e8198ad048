// node onnxruntime_latency.js MODEL.onnx [THREADS] [SECONDS]: median latency at batch 1, one line of JSON.
// Expects the package onnxruntime-node in $ORT_DIR/node_modules. OPTIMIZED=FILE also saves the optimized graph.
const path = require("path");
const { createRequire } = require("module");
const ort = createRequire(path.resolve(process.env.ORT_DIR) + "/")("onnxruntime-node");
const [, , model, threads = "2", seconds = "3"] = process.argv;

(async () => {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    ...(process.env.OPTIMIZED ? { optimizedModelFilePath: process.env.OPTIMIZED } : {}),
  });
  const shape = session.inputMetadata[0].shape;
  const images = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() * 4 - 2);
  const feed = { in: new ort.Tensor("float32", images, shape) };
  for (let i = 0; i < 3; ++i) await session.run(feed);
  const times = [];
  const start = performance.now();
  while (times.length < 7 || performance.now() - start < Number(seconds) * 1e3) {
    const before = performance.now();
    await session.run(feed);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ median_ms: times[times.length >> 1], best_ms: times[0], runs: times.length }));
})().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
