import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain
import ONNXModel
import ONNXRewriting

/// What is to become of a version.
struct OptimizePlan: Sendable {
    let parent: Reference
    let precision: Precision
    /// The model's path within the version, where there are several.
    let file: String?
    /// Where the new version goes; nil for the repository of its parent.
    let repository: RepositoryName?
    let key: (any MessageSigner)?
    let isDryRun: Bool
}

/// What a rewrite came to.
struct RewriteResult: Encodable, Sendable {
    let precision: String
    /// The model's path within the version.
    let path: String
    let tensorCount: Int
    let tensorBytesBefore: Int64
    let tensorBytesAfter: Int64
    let modelBytesBefore: Int64
    let modelBytesAfter: Int64
    /// Files whose weights are now in the model.
    let inlinedFiles: [String]
    let digest: Digest
}

/// Makes a version of another precision: pull, rewrite the model, push with its origin.
struct Optimizer: Sendable {
    let client: AssayClient
    let journal: UploadJournal
    let digests: DigestCache
    let display: ProgressDisplay

    struct Outcome: Sendable {
        let parent: Version
        let rewrite: RewriteResult
        /// Nil for a dry run.
        let push: PushResult?
    }

    /// Throws `model-invalid` and `model-unsupported` besides what pulls and pushes throw.
    func run(_ plan: OptimizePlan, in folder: String) async throws -> Outcome {
        let pull = try await PullPlan.make(plan.parent, trusted: nil, client: client)
        let path = try Self.modelPath(in: pull, asked: plan.file)
        let original = folder + "/original"
        let puller = Puller(client: client, display: display, rules: FolderWriter.FolderRules(), records: nil)
        _ = try await puller.write(pull, pull.files, into: original)
        let rewritten = folder + "/rewritten.onnx"
        display.show(ProgressState(label: "rewriting", done: 0, total: 1, isBytes: false))
        defer { display.end() }
        let rewrite = try await client.files.run {
            try ModelFileRewrite(folder: original, path: path, files: Set(pull.files.map { ExactText($0.path) }))
                .write(plan.precision, to: folder, as: "rewritten.onnx")
        }
        let digest = try await client.files.hash(try await client.files.run { try LocalFile(opening: rewritten) })
        let result = Self.result(rewrite, of: pull, path: path, plan.precision, digest)
        guard !plan.isDryRun else { return Outcome(parent: pull.version, rewrite: result, push: nil) }
        let files = pull.files.map(\.path)
            .filter { !rewrite.droppedFiles.contains(ExactText($0)) && !ModelSignature.ignores(path: $0) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            .map { ScannedFile(path: $0, localPath: $0.isExactly(path) ? rewritten : "\(original)/\($0)") }
        let publisher = Publisher(
            client: client, journal: journal, digests: digests, rehashes: true, display: display)
        let push = try await publisher.push(Self.pushPlan(plan, of: pull.version, files: files, result))
        return Outcome(parent: pull.version, rewrite: result, push: push)
    }

    private static func modelPath(in plan: PullPlan, asked: String?) throws(AssayError) -> String {
        let name = plan.version.reference
        if let asked {
            guard plan.files.contains(where: { $0.path.isExactly(asked) }) else {
                throw AssayError(.fileNotFound, "\(name) has no file \(Printable.quote(asked))")
            }
            return asked
        }
        let models = plan.files.map(\.path).filter(ONNXFileName.isModel)
        guard let model = models.first else {
            throw AssayError(
                .modelUnsupported, "\(name) has no .onnx file", remedy: "push the model in the ONNX format")
        }
        guard models.count == 1 else {
            throw AssayError(
                .usage, "\(name) has \(models.count) .onnx files", remedy: "name one of them with --file PATH")
        }
        return model
    }

    private static func result(
        _ rewrite: ModelFileRewrite.Outcome, of plan: PullPlan, path: String, _ precision: Precision, _ digest: Digest
    ) -> RewriteResult {
        RewriteResult(
            precision: precision.rawValue, path: path, tensorCount: rewrite.report.tensorCount,
            tensorBytesBefore: Int64(rewrite.report.bytesBefore), tensorBytesAfter: Int64(rewrite.report.bytesAfter),
            modelBytesBefore: rewrite.bytesBefore, modelBytesAfter: rewrite.bytesAfter,
            inlinedFiles: rewrite.inlinedFiles.sorted().map(\.text), digest: digest)
    }

    /// The parent's own words stay where they hold for the new version; what training measured was of other weights.
    private static func pushPlan(
        _ plan: OptimizePlan, of parent: Version, files: [ScannedFile], _ rewrite: RewriteResult
    ) -> PushPlan {
        let metadata = VersionMetadata(
            description: "\(parent.reference) as \(rewrite.precision)", framework: parent.metadata.framework,
            license: parent.metadata.license,
            hyperparameters: [
                "assay.precision": rewrite.precision, "assay.rewritten_file": rewrite.path,
                "assay.rewritten_tensors": "\(rewrite.tensorCount)",
                "assay.tensor_bytes_before": "\(rewrite.tensorBytesBefore)",
                "assay.tensor_bytes_after": "\(rewrite.tensorBytesAfter)",
            ])
        return PushPlan(
            repository: plan.repository ?? parent.repository, kind: .model, files: files, key: plan.key,
            builderID: Provenance.pushBuilderID, tag: nil, metadata: metadata,
            lineage: [LineageDeclaration(relation: .quantizedFrom, source: parent.reference)], run: TrainingRun())
    }
}
