import COnnxRuntime

/// A loaded and optimised model, ready to run on the CPU, one operator after another.
package final class OnnxSession {
    package let inputs: [OnnxValueDescription]
    package let outputs: [OnnxValueDescription]
    /// Inputs of which the graph leaves even the number of dimensions open; the library describes them as single ones.
    package var inputsOfAnyShape: Set<String> = []
    let library: OnnxLibrary
    let handle: OpaquePointer  // OrtSession, owned

    /// Reads, checks and optimises the model at a path; `threads` work on one operator.
    package init(library: OnnxLibrary, modelPath: String, threads: Int) throws(OnnxError) {
        let table = library.table
        let options = try SessionOptions(table: table)
        try options.makeRepeatable(threads: threads)
        var handle: OpaquePointer?
        try check(
            table, "CreateSession",
            ort_create_session(table, library.environment, modelPath, options.handle, &handle))
        let session = try present(handle, "CreateSession")
        let graph = GraphDescription(table: table, session: session)
        do {
            inputs = try graph.inputs()
            outputs = try graph.outputs()
        } catch {
            ort_release_session(table, session)
            throw error
        }
        self.library = library
        self.handle = session
    }

    deinit {
        ort_release_session(library.table, handle)
    }
}

/// What a session is made with: the settings of a repeatable measurement.
private final class SessionOptions {
    private let table: UnsafePointer<OrtTable>
    let handle: OpaquePointer  // OrtSessionOptions, owned

    init(table: UnsafePointer<OrtTable>) throws(OnnxError) {
        var options: OpaquePointer?
        try check(table, "CreateSessionOptions", ort_create_session_options(table, &options))
        self.table = table
        handle = try present(options, "CreateSessionOptions")
    }

    deinit {
        ort_release_session_options(table, handle)
    }

    func makeRepeatable(threads: Int) throws(OnnxError) {
        let threadCount = Int32(clamping: threads)
        try check(table, "SetIntraOpNumThreads", ort_set_intra_op_threads(table, handle, threadCount))
        try check(table, "SetInterOpNumThreads", ort_set_inter_op_threads(table, handle, 1))
        try check(
            table, "SetSessionExecutionMode", ort_set_execution_mode(table, handle, ORT_EXECUTION_SEQUENTIAL))
        try check(
            table, "SetSessionGraphOptimizationLevel", ort_set_optimisation(table, handle, ORT_OPTIMISATION_ALL))
        try check(table, "SetSessionLogSeverityLevel", ort_set_log_severity(table, handle, ORT_LOG_FATAL))
    }
}
