import EvaluationProtocol
import ONNXRuntime
import Testing

@testable import ModelEvaluator

@Suite struct `Kinds of failure` {
    private static let node = "Non-zero status code returned while running Gather node. Name:'' Status Message: "

    private static func error(_ code: OnnxError.Code, _ message: String) -> OnnxError {
        OnnxError(code, function: "Run", message: message)
    }

    @Test(arguments: [
        error(.invalidArgument, node + "indices element out of data bounds, idx=1000 must be within [-64,63]"),
        error(.invalidArgument, node + "invalid index found, index = 100000"),
        error(.failed, node + "GatherElements op: Out of range value in index tensor"),
    ])
    func `what a part of the model refuses while it runs is the model's`(error: OnnxError) {
        #expect(EvaluationFailure.running(error).kind == .invalidModel)
    }

    @Test func `what is refused before any part of the model runs is the dataset's`() {
        let error = Self.error(.invalidArgument, "Got invalid dimensions for input: x for the following indices")
        #expect(EvaluationFailure.running(error).kind == .shapeMismatch)
    }

    @Test(arguments: [
        error(
            .invalidArgument,
            node + "Tile output tensor would require more than 4294967296 bytes, which exceeds the supported maximum of"
                + " 4294967296 bytes."),
        error(.failed, node + "Failed to allocate memory for requested buffer of size 2748779069440"),
        error(.failed, node + "OneHot: failed to allocate output tensor. Output shape may be too large."),
        error(.failed, node + "SafeIntExceptionHandler::SafeIntOnOverflow() Integer overflow"),
        error(.failed, node + "Range: the computed number of elements exceeds the supported range."),
    ])
    func `more memory than can be had is a limit of resources`(error: OnnxError) {
        #expect(EvaluationFailure.running(error).kind == .resourceLimit)
    }

    @Test(arguments: [
        "Unsupported model IR version: 99, max supported IR version: 13",
        "Missing opset in the model. All ModelProtos MUST have at least one entry that specifies which version",
        "No opset registered for domain  in function F", "Error No opset import for domain 'x.y'",
    ])
    func `a format or an operator set that the runtime does not have is unsupported`(message: String) {
        let failure = EvaluationFailure.loading(Self.error(.failed, message), "model", path: "/m/model.onnx")
        #expect(failure.kind == .unsupportedOperator)
    }
}
