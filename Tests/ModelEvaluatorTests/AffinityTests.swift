import EvaluationProtocol
import Testing

@testable import ModelEvaluator

struct AffinityTests {
    /// It leaves the thread of this test where it was: the kernel refuses a set without one usable CPU as a whole.
    @Test func `CPUs that are not there are refused`() {
        #expect(throws: EvaluationFailure.self) { try Affinity.keep(on: [1_023]) }
    }
}
