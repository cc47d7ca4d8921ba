import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain
import ONNXRewriting

/// `assay optimize REF --precision P`
struct OptimizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimize",
        abstract: "Make a version of another precision from an ONNX model, and say what it came from.",
        discussion: """
            fp16 stores weights as float16; int8-weights stores those of MatMul, Gemm and Conv as int8; int8-dynamic \
            has MatMul and Gemm compute in integers. With --dataset the new version is measured beside its parent.

            Example:
              assay optimize team/fraud:3 --precision int8-weights \\
                --dataset team/payments-test:1
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(help: "fp16, int8-weights or int8-dynamic.", completion: .values(of: Precision.self))
    var precision: String

    @Option(help: ArgumentHelp("The model's path, if the version has several.", valueName: "path"))
    var file: String?

    @Option(
        help: ArgumentHelp("Push into this repository instead of the version's own.", valueName: "repository"),
        completion: .repository)
    var to: String?

    @Option(
        help: ArgumentHelp("Measure the new version on this data, beside its parent.", valueName: "ref"),
        completion: .dataset)
    var dataset: String?

    @Flag(help: "Rewrite and say what that gives, but push nothing.")
    var dryRun = false

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    /// What --json prints.
    private struct Document: Encodable, Sendable {
        let parent: Version
        let rewrite: RewriteResult
        let push: PushResult?
        let report: VerificationReport?
    }

    mutating func run() async throws {
        let plan = try plan()
        let dataset = try dataset.map { try Reference(parsing: $0) }
        if dryRun, dataset != nil {
            throw AssayError(.usage, "a dry run makes no version, so --dataset has nothing to measure")
        }
        let variables = CommandEnvironment.current.variables
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            // What it is measured on is asked for before a version is made.
            if let dataset { _ = try await client.version(dataset) }
            let display = ProgressDisplay(console)
            let optimizer = Optimizer(
                client: client, journal: UploadJournal(folder: try UploadJournal.folder(in: variables)),
                digests: DigestCache(folder: try DigestCache.folder(in: variables)), display: display)
            let outcome = try await ScratchFolder.lend(variables: variables) { folder in
                try await optimizer.run(plan, in: folder)
            }
            if !isJSON { for line in Self.lines(of: outcome) { try console.print(line) } }
            if dataset == nil, let version = outcome.push?.version {
                console.note(
                    "not verified against \(outcome.parent.reference) yet: "
                        + "assay verify \(version.reference) --dataset REF --baseline \(outcome.parent.reference)")
            }
            var report: VerificationReport?
            if let dataset, let version = outcome.push?.version {
                report = try await Self.measure(
                    version, beside: outcome.parent, file: plan.file, on: dataset, client, display)
            }
            if isJSON {
                try console.print(
                    json: Document(
                        parent: outcome.parent, rewrite: outcome.rewrite, push: outcome.push, report: report))
            } else if let report {
                try console.print(ReportText.lines(of: report))
            }
            if let failure = report?.failure {
                if isJSON { throw AlreadyReported(status: ExitStatus.of(ErrorCode.verificationFailed.kind)) }
                throw AssayError(
                    .verificationFailed, "the new version could not be measured",
                    reason: "\(failure.kind): \(failure.message)", remedy: failure.nextStep)
            }
        }
    }

    private func plan() throws -> OptimizePlan {
        guard let precision = Precision(rawValue: precision) else {
            throw AssayError(
                .usage, "\(Printable.quote(precision, limit: 40)) is no precision that models are rewritten to",
                remedy: "use \(Precision.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return OptimizePlan(
            parent: try Reference(parsing: reference), precision: precision, file: file,
            repository: try to.map { try RepositoryName(parsing: $0) }, key: try signing.resolve(), isDryRun: dryRun)
    }

    private static func measure(
        _ version: Version, beside parent: Version, file: String?, on dataset: Reference, _ client: AssayClient,
        _ display: ProgressDisplay
    ) async throws -> VerificationReport {
        var request = VerifyRequest(reference: version.reference, dataset: dataset, baseline: parent.reference)
        request.file = file
        // The parent is what the new version should be, besides being what it is compared with.
        request.teacher = parent.reference
        let queued = try await client.verify(request)
        let verification = try await VerificationWatch(client: client, display: display).finish(queued)
        return try await client.report(of: verification)
    }

    /// What was rewritten and what became of it.
    static func lines(of outcome: Optimizer.Outcome) -> [String] {
        let rewrite = outcome.rewrite
        let tensors = rewrite.tensorCount == 1 ? "1 tensor" : "\(rewrite.tensorCount) tensors"
        var lines = [
            "\(Printable.escape(rewrite.path)) as \(rewrite.precision): \(tensors), "
                + "\(Figure.bytes(rewrite.tensorBytesBefore)) -> \(Figure.bytes(rewrite.tensorBytesAfter)); model "
                + "\(Figure.bytes(rewrite.modelBytesBefore)) -> \(Figure.bytes(rewrite.modelBytesAfter))"
        ]
        if let push = outcome.push {
            lines.append("\(PushCommand.summary(of: push)); quantized from \(outcome.parent.reference)")
        } else {
            lines.append("nothing was pushed; the model would be \(rewrite.digest)")
        }
        return lines
    }
}
