import EvaluatorHost
import Foundation

/// Where the parts of Assay lie on this machine: named by an option or a variable, or found beside the program.
struct Installation {
    let evaluator: String
    let runtimeLibrary: String

    /// The first candidate that exists; where none does, the usual place, so that an error can name what is missing.
    init(evaluator: String?, runtimeLibrary: String?, variables: [String: String]) {
        let folder = Self.programFolder
        self.evaluator =
            evaluator ?? variables["ASSAY_EVALUATOR"]
            ?? Self.first(of: ["\(folder)/assay-evaluator", "\(folder)/../libexec/assay/assay-evaluator"])
        self.runtimeLibrary =
            runtimeLibrary ?? variables["ASSAY_ONNXRUNTIME"]
            ?? Self.first(of: ["\(folder)/libonnxruntime.so", "\(folder)/../lib/assay/libonnxruntime.so"])
    }

    private static func first(of candidates: [String]) -> String {
        candidates.first { FileManager.default.fileExists(atPath: $0) } ?? candidates[0]
    }

    private static var programFolder: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    }
}
