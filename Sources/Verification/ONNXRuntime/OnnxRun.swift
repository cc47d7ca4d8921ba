import COnnxRuntime
import Glibc

/// Inputs and outputs of a session prepared once, so that running again costs the library's call and nothing else.
package final class OnnxRun {
    private let session: OnnxSession
    private let inputs: [OnnxTensor]  // keeps the values alive that `inputValues` borrows
    private let inputNames: CStrings
    private let outputNames: CStrings
    private let inputValues: UnsafeMutableBufferPointer<OpaquePointer?>
    private let outputValues: UnsafeMutableBufferPointer<OpaquePointer?>  // OrtValue, owned where not nil

    package init(session: OnnxSession, inputs: [(name: String, tensor: OnnxTensor)], outputNames: [String]) {
        self.session = session
        self.inputs = inputs.map(\.tensor)
        inputNames = CStrings(inputs.map(\.name))
        self.outputNames = CStrings(outputNames)
        inputValues = .allocate(capacity: inputs.count)
        _ = inputValues.initialize(from: inputs.map(\.tensor.handle))
        outputValues = .allocate(capacity: outputNames.count)
        outputValues.initialize(repeating: nil)
    }

    deinit {
        releaseOutputs()
        inputValues.deallocate()
        outputValues.deallocate()
    }

    /// Runs the model once. The library allocates the outputs; `releaseOutputs` must be called before the next run.
    package func execute() throws(OnnxError) {
        let status = ort_run(
            session.library.table, session.handle, inputNames.base, inputValues.baseAddress, inputValues.count,
            outputNames.base, outputValues.count, outputValues.baseAddress)
        if status != nil { try check(session.library.table, "Run", status) }
    }

    /// Frees the outputs of the last run.
    package func releaseOutputs() {
        for index in outputValues.indices {
            guard let value = outputValues[index] else { continue }
            ort_release_value(session.library.table, value)
            outputValues[index] = nil
        }
    }

    /// The tensor of the last run at a position of `outputNames`.
    package func output(at index: Int) throws(OnnxError) -> OnnxOutput {
        try OnnxOutput(table: session.library.table, value: value(at: index))
    }

    /// The sequence of maps of the last run at a position of `outputNames`.
    package func maps(at index: Int) throws(OnnxError) -> [OnnxMap] {
        try OnnxMap.sequence(table: session.library.table, value: value(at: index))
    }

    /// A number for all outputs of the last run, made of their types, shapes and every bit: equal outputs have equal
    /// ones, and others have others, but for a chance of 2⁻⁶⁴. It means nothing outside of this process.
    package func fingerprint() throws(OnnxError) -> Int {
        var fingerprint = OnnxFingerprint(table: session.library.table)
        for index in outputValues.indices {
            if let value = outputValues[index] { try fingerprint.add(value) }
        }
        return fingerprint.value
    }

    private func value(at index: Int) throws(OnnxError) -> OpaquePointer {
        guard outputValues.indices.contains(index), let value = outputValues[index] else {
            throw OnnxError(.invalidArgument, function: "Run", message: "there is no output \(index)")
        }
        return value
    }
}

/// An array of C strings with the life of the object.
final class CStrings {
    private let strings: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>

    init(_ values: some Collection<String>) {
        strings = .allocate(capacity: values.count)
        _ = strings.initialize(from: values.map { UnsafePointer(strdup($0)) })
    }

    deinit {
        for string in strings { free(UnsafeMutablePointer(mutating: string)) }
        strings.deallocate()
    }

    var base: UnsafePointer<UnsafePointer<CChar>?>? { UnsafePointer(strings.baseAddress) }
}
