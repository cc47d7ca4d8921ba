import ArgumentParser
import AssayClient
package import AssayDomain

/// `assay worker --server URL`
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Take verifications from a server and run them on this machine, until SIGINT or SIGTERM.",
        discussion: """
            The server signs what a worker says, so it trusts it. A worker that is asked to end gives its jobs back.

            Example:
              assay worker --server http://registry:8080 --label site=edge --cpus 2-3
            """)

    @Option(help: "What the worker calls itself; the machine's name without it.")
    var name: String?

    @Flag(help: "End after one job of each evaluator.")
    var once = false

    @Option(help: ArgumentHelp("A folder for the files of jobs.", valueName: "dir"), completion: .directory)
    var cache: String?

    @Option(help: ArgumentHelp("The most that is kept in it, from 1MiB.", valueName: "size"))
    var cacheSize = "16GiB"

    @OptionGroup var evaluatorOptions: EvaluatorOptions
    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let environment = CommandEnvironment.current
        guard options.store == nil else {
            throw AssayError(
                .usage, "a worker takes jobs from a server, not from a store",
                remedy: "name the server: --server URL; assay serve has evaluators of its own")
        }
        guard let cache = try cache ?? UserFolder.cache.path("worker", in: environment.variables) else {
            throw AssayError(.usage, "no folder for files is named", remedy: "add --cache DIR, or set HOME")
        }
        let worker = WorkerOptions(
            name: try name.map { (text) throws(AssayError) in try WorkerName(parsing: text) },
            labels: try evaluatorOptions.labels(), places: try evaluatorOptions.places(), isOnce: once,
            cachePath: cache,
            cacheBytesMax: Int64(try SettingText.bytes(cacheSize, option: "--cache-size", in: 1 << 20...1 << 50)),
            onnxRuntimePath: evaluatorOptions.onnxRuntime, evaluatorPath: evaluatorOptions.evaluator)
        guard !worker.places.isEmpty else {
            throw AssayError(.configurationInvalid, "a worker has an evaluator", remedy: "use --evaluators 1 or more")
        }
        try await options.withClient { client in try await environment.work(worker, client) }
    }
}

/// What `assay worker` was asked for.
package struct WorkerOptions: Sendable {
    package let name: WorkerName?
    package let labels: [WorkerLabel]
    /// One evaluator per element, kept on its CPUs; nil leaves it on all there are.
    package let places: [CPUSet?]
    /// Whether each evaluator ends after one job.
    package let isOnce: Bool
    package let cachePath: String
    package let cacheBytesMax: Int64
    package let onnxRuntimePath: String?
    package let evaluatorPath: String?
}
