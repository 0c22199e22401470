// Classifies one digit with the library of this folder. Exits with 0 if it is read as what it is.
#include <stdint.h>
#include <stdio.h>

uint32_t classify(const float image[64], float probabilities[10]);

// A nine, 8 by 8 cells of 0 to 16, as `datasets::digits` has them.
static const float CELLS[64] = {
     0,  0,  2, 10,  7,  0,  0,  0,
     0,  0, 14, 16, 16, 15,  1,  0,
     0,  4, 16,  7,  3, 16,  7,  0,
     0,  5, 16, 10,  7, 16,  4,  0,
     0,  0,  5, 14, 14, 16,  4,  0,
     0,  0,  0,  0,  0, 16,  2,  0,
     0,  0,  4,  7,  7, 16,  2,  0,
     0,  0,  5, 12, 16, 12,  0,  0,
};

int main(void) {
    float image[64], probabilities[10];
    for (int i = 0; i < 64; i++) image[i] = CELLS[i] / 16;
    uint32_t digit = classify(image, probabilities);
    printf("read as %u with probability %.3f\n", digit, probabilities[digit]);
    return digit != 9;
}
