import AssayDomain

/// Finds what an ONNX model keeps beside itself among the files of its own version, and nowhere else.
enum ExternalDataFiles {
    /// The named files, each once, in the same order. Throws the failure `invalid-model` naming the
    /// first location that is no path within the model's folder, no file of the version, the model itself, or a
    /// file that is too short for what the model reads of it.
    static func find(
        _ named: [ExternalTensorData], beside model: VersionFile, among files: [VersionFile]
    ) throws(VerificationReport.FailureError) -> [JobFiles.ExternalData] {
        let byPath = Dictionary(files.map { (ExactText($0.path), $0) }, uniquingKeysWith: { first, _ in first })
        let sizes = byPath.mapValues(\.size)
        var found: [JobFiles.ExternalData] = []
        var seen: Set<ExactText> = []
        for data in named {
            let need = ExternalDataFile.Need(location: data.location, bytesMin: data.bytesMin)
            if let fault = ExternalDataFile.fault(need, beside: model.path, sizes: sizes) {
                throw VerificationReport.FailureError("invalid-model", fault, remedy: remedy)
            }
            guard let location = ExternalDataFile.plainLocation(data.location),
                let path = ExternalDataFile.path(of: data.location, beside: model.path),
                let file = byPath[ExactText(path)], seen.insert(ExactText(location)).inserted
            else { continue }
            found.append(.init(location: location, file: file))
        }
        return found
    }

    private static let remedy =
        "push the model together with its data files, each at the place beside the model that the model names"
}
