import EvaluationProtocol
import Testing

@Suite struct `Evaluation job` {
    private let minimal = #"{"protocol":5,"runtime_path":"/r.so","model_path":"/m.onnx","dataset_path":"/d.npz""#

    @Test func `a job that names only the files gets the defaults`() throws {
        let job = try EvaluationJob(json: Array("\(minimal)}".utf8))
        #expect(job == EvaluationJob(runtimePath: "/r.so", modelPath: "/m.onnx", datasetPath: "/d.npz"))
        #expect(job.labelName == "label")
        #expect(job.task == .auto)
        #expect(job.latency.batchSize == 1)
    }

    @Test func `a job survives its JSON`() throws {
        let job = EvaluationJob(
            runtimePath: "/r.so", modelPath: "/m.onnx", baselineModelPath: "/b.onnx", datasetPath: "/d.npz",
            labelName: "y", task: .regression, topK: [1, 3],
            latency: LatencySettings(
                threads: 2, batchSize: 8, warmUpRuns: 5, measuredRuns: 50, seed: .max, budgetSeconds: 7,
                maxRatios: [.p50: 1.05, .tail: 1.5], confidence: 0.9, sweepBatchSizes: [1, 8], sweepThreads: [2]),
            limits: EvaluationLimits(cpuSeconds: 9, memoryBytes: 1 << 30, fileBytes: 1, openFiles: 32, cpuSet: [0, 3]))
        #expect(try EvaluationJob(json: job.json()) == job)
    }

    @Test func `a setting that is given leaves the defaults of the others`() throws {
        let job = try EvaluationJob(json: Array(#"\#(minimal),"latency":{"threads":4}}"#.utf8))
        #expect(job.latency == LatencySettings(threads: 4))
    }

    @Test(arguments: [
        (#"{"protocol":1}"#, "the job is of protocol 1; only protocol 5 is known"),
        (#"{}"#, "the job is not valid: protocol is missing"),
        (#"{"protocol":5}"#, "the job is not valid: runtime_path is missing"),
        (#"["#, "the job is not valid: it is not JSON"),
        (#""#, "the job is not valid: it is not JSON"),
        (#"{"protocol":"2"}"#, "the job is not valid: protocol has the wrong type"),
    ])
    func `what is no job is refused with the reason`(text: String, reason: String) {
        #expect(throws: EvaluationProtocolError(reason)) { try EvaluationJob(json: Array(text.utf8)) }
    }

    @Test(arguments: [
        (#""latency":{"threads":0}"#, "threads is 0; it must be from 1 to 256"),
        (#""latency":{"batch_size":-1}"#, "batch_size is -1; it must be from 1 to 65536"),
        (#""latency":{"measured_runs":0}"#, "measured_runs is 0; it must be from 1 to 1000000"),
        (#""limits":{"open_files":3}"#, "open_files is 3; it must be from 16 to 4096"),
        (#""limits":{"cpu_set":[]}"#, "cpu_set has 0 numbers"),
        (#""limits":{"cpu_set":[1024]}"#, "cpu_set is 1024; it must be from 0 to 1023"),
        (#""limits":{"cpu_set":[-1]}"#, "cpu_set is -1; it must be from 0 to 1023"),
        (#""top_k":[0]"#, "top_k is 0; it must be from 1 to 10000"),
        (#""label_name":"""#, "label_name is empty"),
        (#""task":"ranking""#, "the job is not valid: task has an unknown value"),
    ])
    func `a value out of its range is refused by name`(member: String, reason: String) {
        #expect(throws: EvaluationProtocolError(reason)) {
            try EvaluationJob(json: Array("\(minimal),\(member)}".utf8))
        }
    }
}
