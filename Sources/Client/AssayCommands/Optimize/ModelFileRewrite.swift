import AssayClient
import AssayDomain
import ONNXModel
import ONNXRewriting

/// Rewrites the model of a version whose files lie in a folder.
struct ModelFileRewrite {
    struct Outcome: Sendable {
        let report: ModelRewrite.Report
        let bytesBefore: Int64
        let bytesAfter: Int64
        /// Files of the version whose weights are now in the model.
        let inlinedFiles: Set<ExactText>
        /// Those of them that nothing else needs.
        let droppedFiles: Set<ExactText>
    }

    let folder: String
    /// The model's path within the version.
    let path: String
    /// Every path of the version.
    let files: Set<ExactText>

    /// Writes the new model, and reads it again as a model. Throws `model-invalid`, `model-unsupported`.
    func write(_ precision: Precision, to target: String, as name: String) throws -> Outcome {
        do {
            let source = try FileSource(path: "\(folder)/\(path)")
            let rewrite = try ModelRewrite(reading: source, precision: precision) { location in
                guard let file = resolve(location) else { return nil }
                return try FileSource(path: "\(folder)/\(file)")
            }
            try save(rewrite, to: target, as: name)
            _ = try ONNXSummary(reading: try FileSource(path: "\(target)/\(name)"))
            let inlined = Set(rewrite.inlinedFiles.compactMap(resolve).map { ExactText($0) })
            return Outcome(
                report: rewrite.report, bytesBefore: Int64(source.byteCount), bytesAfter: Int64(rewrite.byteCount),
                inlinedFiles: inlined, droppedFiles: try notNeededByOthers(of: inlined))
        } catch let error as ONNXModelError {
            throw AssayError(
                .modelInvalid, "\(Printable.quote(path)) cannot be rewritten",
                reason: Printable.escape("\(error)"),
                remedy: "check the file, for instance with onnx.checker, and push it again", cause: error)
        } catch let refusal as RewriteRefusal {
            throw AssayError(
                .modelUnsupported, "\(Printable.quote(path)) cannot be made \(precision.rawValue)",
                reason: Printable.escape(refusal.reason), remedy: Printable.escape(refusal.remedy), cause: refusal)
        }
    }

    private func save(_ rewrite: ModelRewrite, to target: String, as name: String) throws {
        let draft = try FolderHandle.open(path: target).draft(name)
        var position: Int64 = 0
        try rewrite.write { bytes in
            try draft.write(bytes, at: position)
            position += Int64(bytes.count)
        }
    }

    /// The path within the version that a model means by the name of a file beside it; nil if the version has none.
    ///
    /// Only the version's own files are found: what is above the model's folder is no such name.
    private func resolve(_ location: String) -> String? {
        guard let full = ExternalDataFile.path(of: location, beside: path) else { return nil }
        return files.contains(ExactText(full)) ? full : nil
    }

    /// Those of the files in which no other model of the version keeps weights. A model that cannot be read may need
    /// all of them.
    private func notNeededByOthers(of inlined: Set<ExactText>) throws -> Set<ExactText> {
        var rest = inlined
        for other in files.map(\.text) where !rest.isEmpty && ONNXFileName.isModel(other) && !other.isExactly(path) {
            do {
                let summary = try ONNXSummary(reading: try FileSource(path: "\(folder)/\(other)"))
                let neighbours = ModelFileRewrite(folder: folder, path: other, files: files)
                rest.subtract(summary.externalData.compactMap { neighbours.resolve($0.location) }.map { ExactText($0) })
            } catch is ONNXModelError {
                return []
            }
        }
        return rest
    }
}
