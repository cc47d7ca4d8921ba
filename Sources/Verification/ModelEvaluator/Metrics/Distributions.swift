import Glibc

/// The natural logarithm.
func logarithm(_ value: Double) -> Double { log(value) }

/// The logarithm of the factorial of a number.
func logarithmOfFactorial(_ number: Int) -> Double { lgamma(Double(number) + 1) }

/// The point below which a standard normal variable lies with a probability between 0 and 1, by bisection of its
/// distribution function.
func normalQuantile(_ probability: Double) -> Double {
    var low = -40.0
    var high = 40.0
    for _ in 0..<200 where low < high {
        let middle = (low + high) / 2
        if erfc(-middle / 2.0.squareRoot()) / 2 < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

/// The logarithm of the gamma function.
func logarithmOfGamma(_ value: Double) -> Double { lgamma(value) }

func exponential(_ value: Double) -> Double { exp(value) }
