import ArgumentParser
import AssayDomain

/// The options of a process that runs evaluators.
struct EvaluatorOptions: ParsableArguments {
    @Option(help: "How many evaluators run at a time; with more than one each needs CPUs of its own.")
    var evaluators: Int?

    @Option(help: ArgumentHelp("The CPUs of one evaluator, such as 0-3,8; once for each.", valueName: "list"))
    var cpus: [String] = []

    @Option(
        help: ArgumentHelp(
            "What is said of this machine, such as site=edge; jobs may ask for it.", valueName: "key=value"))
    var label: [String] = []

    @Option(help: ArgumentHelp("The ONNX Runtime library.", valueName: "file"), completion: .file())
    var onnxRuntime: String?

    @Option(help: ArgumentHelp("The evaluator program.", valueName: "file"), completion: .file())
    var evaluator: String?

    /// Throws `configuration-invalid`, `label-invalid`, `too-many-entries`.
    func places() throws(AssayError) -> [CPUSet?] {
        try EvaluatorSettings.places(
            count: evaluators, sets: cpus.map { (text) throws(AssayError) in try CPUSet(parsing: text) })
    }

    func labels() throws(AssayError) -> [WorkerLabel] {
        try WorkerLabel.normalised(WorkerLabel.list(parsing: label))
    }
}
