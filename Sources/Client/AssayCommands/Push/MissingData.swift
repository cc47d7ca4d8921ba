import AssayClient
import AssayDomain
import ONNXModel

/// What models keep in files beside themselves, held against the files that are pushed with them.
///
/// A version cannot be changed later, so whoever forgets a model's data is told before it is sent, and not when the
/// version is to be measured.
enum MissingData {
    /// The most files that are named one by one.
    private static let namesMax = 20

    /// A line for each file that a model needs and that does not come along, or is too short. Models that cannot be
    /// read need nothing here: what is wrong with them is told by what measures them.
    static func warnings(about files: [ScannedFile]) -> [String] {
        let models = files.filter { ONNXFileName.isModel($0.path) }.map { ($0.path, needs(of: $0)) }
        guard models.contains(where: { !$0.1.isEmpty }) else { return [] }
        // A file that cannot be opened is told by the push, which opens all of them.
        let sizes = Dictionary(
            files.map { (ExactText($0.path), (try? LocalFile(opening: $0.localPath).size) ?? .max) },
            uniquingKeysWith: { first, _ in first })
        let faults = models.flatMap { model, needs in
            needs.compactMap { need in
                ExternalDataFile.fault(need, beside: model, sizes: sizes).map {
                    "warning: \(Printable.quote(model)) will not load: \($0)\(hint(need, among: files))"
                }
            }
        }
        guard let first = faults.first else { return [] }
        let rest = faults.count > namesMax ? ["warning: \(faults.count - namesMax) more files are missing"] : []
        return (faults.count == 1 ? [first] : Array(faults.prefix(namesMax))) + rest + [next]
    }

    private static let next =
        "  next: push the model together with its data files, by the folder that holds them; "
        + "this version stays without them"

    private static func needs(of file: ScannedFile) -> [ExternalDataFile.Need] {
        // What is no model, or is above a limit of reading one, names no files.
        guard let source = try? FileSource(path: file.localPath), let summary = try? ONNXSummary(reading: source)
        else { return [] }
        return summary.externalData.map { ExternalDataFile.Need(location: $0.location, bytesMin: $0.end) }
    }

    /// Where a file of that name is pushed to another place: most often its folder was left out.
    private static func hint(_ need: ExternalDataFile.Need, among files: [ScannedFile]) -> String {
        guard let name = need.location.pathComponents.last, !name.isEmpty,
            let other = files.first(where: { $0.path.pathComponents.last?.isExactly(name) == true })
        else { return "" }
        return "; there is \(Printable.quote(other.path))"
    }
}
