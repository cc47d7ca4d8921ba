import AssayDomain

/// Finds what an ONNX model keeps beside itself among the files of its own version, and nowhere else.
///
/// Source: onnx.proto, `TensorProto.external_data`: a location is a path relative to the model's folder.
enum ExternalDataFiles {
    /// The named files, in the same order. Throws the failure `invalid-model` naming the
    /// first location that is no plain path within the model's folder, no file of the version, the model itself, or a
    /// file that is too short for what the model reads of it.
    static func find(
        _ named: [ExternalTensorData], beside model: VersionFile, among files: [VersionFile]
    ) throws(VerificationReport.FailureError) -> [JobFiles.ExternalData] {
        let folder = model.path.pathComponents.dropLast().map { "\($0)/" }.joined()
        var found: [JobFiles.ExternalData] = []
        for data in named {
            guard isPlain(data.location) else {
                throw failure(data, "is no path within the model's folder")
            }
            let path = folder + data.location
            guard !path.isExactly(model.path) else { throw failure(data, "is the model itself") }
            guard let file = files.first(where: { $0.path.isExactly(path) }) else {
                throw failure(data, "is no file of the version")
            }
            guard data.bytesMin <= file.size else {
                throw failure(data, "is read up to byte \(data.bytesMin) and has \(file.size)")
            }
            found.append(.init(location: data.location, file: file))
        }
        return found
    }

    /// Whether a location is made of names alone. Files of versions have no other paths: this only words the refusal.
    private static func isPlain(_ location: String) -> Bool {
        location.pathComponents.allSatisfy { part in !["", ".", ".."].contains { part.isExactly($0) } }
            && !location.unicodeScalars.contains("\0")
    }

    private static func failure(_ data: ExternalTensorData, _ reason: String) -> VerificationReport.FailureError {
        .init("invalid-model", "the external data \(Printable.quote(data.location, limit: 200)) \(reason)")
    }
}
