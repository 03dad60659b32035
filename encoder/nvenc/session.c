//go:build cgo

#include "shim_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef NVENCSTATUS NVENCAPI max_supported_version(uint32_t *version);
typedef NVENCSTATUS NVENCAPI create_instance(NV_ENCODE_API_FUNCTION_LIST *functions);

int nl_nvenc_version(void *get_max_supported_version, uint32_t *version) {
	return ((max_supported_version *)get_max_supported_version)(version);
}

int nl_note(nl_nvenc *e, const char *call, NVENCSTATUS status) {
	if (status == NV_ENC_SUCCESS)
		return 0;
	const char *said = e->session && e->api.nvEncGetLastErrorString ? e->api.nvEncGetLastErrorString(e->session) : NULL;
	e->failure = (nl_failure){.call = call, .code = status};
	snprintf(e->failure.text, sizeof e->failure.text, "%s", said ? said : "");
	return -1;
}

int nl_note_cuda(nl_nvenc *e, const char *call, CUresult code) {
	if (code == CUDA_SUCCESS)
		return 0;
	const char *name = NULL;
	e->context->cuda.error_name(code, &name);
	e->failure = (nl_failure){.call = call, .code = code, .cuda = 1};
	snprintf(e->failure.text, sizeof e->failure.text, "%s", name ? name : "unknown code");
	return -1;
}

const nl_failure *nl_nvenc_failure(const nl_nvenc *e) { return &e->failure; }

nl_nvenc *nl_nvenc_new(void *create, const nl_cuda_context *context) {
	nl_nvenc *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->context = context;
	e->api.version = NV_ENCODE_API_FUNCTION_LIST_VER;
	e->created = ((create_instance *)create)(&e->api);
	return e;
}

static int enter(nl_nvenc *e) { return nl_note_cuda(e, "cuCtxPushCurrent", nl_cuda_enter(e->context)); }
static void leave(nl_nvenc *e) { nl_cuda_leave(e->context); }

// within runs a step in the context.
#define within(e, step) \
	do { \
		if (enter(e)) \
			return -1; \
		int result = step; \
		leave(e); \
		return result; \
	} while (0)

static int open_session(nl_nvenc *e, int codec, int *offered) {
	if (nl_note(e, "NvEncodeAPICreateInstance", e->created))
		return -1;
	NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS open = {
		.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
		.deviceType = NV_ENC_DEVICE_TYPE_CUDA,
		.device = e->context->handle,
		.apiVersion = NVENCAPI_VERSION,
	};
	NVENCSTATUS status = e->api.nvEncOpenEncodeSessionEx(&open, &e->session);
	if (status != NV_ENC_SUCCESS)
		e->session = NULL; // drivers may leave a session there that they never opened
	if (nl_note(e, "NvEncOpenEncodeSessionEx", status))
		return -1;
	e->codec = codec;
	uint32_t count = 0, got = 0;
	if (nl_note(e, "NvEncGetEncodeGUIDCount", e->api.nvEncGetEncodeGUIDCount(e->session, &count)))
		return -1;
	GUID known[32], wanted = nl_codec_guid(codec);
	if (count > sizeof known / sizeof *known)
		count = sizeof known / sizeof *known;
	if (nl_note(e, "NvEncGetEncodeGUIDs", e->api.nvEncGetEncodeGUIDs(e->session, known, count, &got)))
		return -1;
	*offered = 0;
	for (uint32_t i = 0; i < got; i++)
		*offered |= memcmp(&known[i], &wanted, sizeof wanted) == 0;
	return 0;
}

int nl_nvenc_open(nl_nvenc *e, int codec, int *offered) { within(e, open_session(e, codec, offered)); }

static int ask(nl_nvenc *e, nl_abilities *a) {
	const struct {
		int *answer;
		NV_ENC_CAPS question;
	} questions[] = {
		{&a->min_width, NV_ENC_CAPS_WIDTH_MIN},
		{&a->min_height, NV_ENC_CAPS_HEIGHT_MIN},
		{&a->max_width, NV_ENC_CAPS_WIDTH_MAX},
		{&a->max_height, NV_ENC_CAPS_HEIGHT_MAX},
		{&a->macroblocks, NV_ENC_CAPS_MB_NUM_MAX},
		{&a->rate_modes, NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES},
		{&a->live_size, NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE},
		{&a->live_rate, NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE},
		{&a->custom_vbv, NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE},
		{&a->invalidation, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION},
		{&a->refresh, NV_ENC_CAPS_SUPPORT_INTRA_REFRESH},
		{&a->single_slice_refresh, NV_ENC_CAPS_SINGLE_SLICE_INTRA_REFRESH},
		{&a->cabac, NV_ENC_CAPS_SUPPORT_CABAC},
		{&a->transform_8x8, NV_ENC_CAPS_SUPPORT_ADAPTIVE_TRANSFORM},
		{&a->yuv444, NV_ENC_CAPS_SUPPORT_YUV444_ENCODE},
		{&a->ten_bit, NV_ENC_CAPS_SUPPORT_10BIT_ENCODE},
	};
	GUID codec = nl_codec_guid(e->codec);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		NV_ENC_CAPS_PARAM question = {.version = NV_ENC_CAPS_PARAM_VER, .capsToQuery = questions[i].question};
		if (nl_note(e, "NvEncGetEncodeCaps", e->api.nvEncGetEncodeCaps(e->session, codec, &question, questions[i].answer)))
			return -1;
	}
	uint32_t count = 0, got = 0;
	NV_ENC_BUFFER_FORMAT formats[64];
	if (nl_note(e, "NvEncGetInputFormatCount", e->api.nvEncGetInputFormatCount(e->session, codec, &count)))
		return -1;
	if (count > sizeof formats / sizeof *formats)
		count = sizeof formats / sizeof *formats;
	if (nl_note(e, "NvEncGetInputFormats", e->api.nvEncGetInputFormats(e->session, codec, formats, count, &got)))
		return -1;
	for (uint32_t i = 0; i < got; i++)
		a->formats |= formats[i];
	e->abilities = *a;
	return 0;
}

int nl_nvenc_ask(nl_nvenc *e, nl_abilities *abilities) {
	memset(abilities, 0, sizeof *abilities);
	within(e, ask(e, abilities));
}

// create_input makes the buffer that host memory goes through. It is of the stream's size exactly: where the chroma planes
// begin follows from the buffer's height.
static int create_input(nl_nvenc *e, const nl_settings *settings, NV_ENC_INPUT_PTR *input) {
	NV_ENC_CREATE_INPUT_BUFFER create = {
		.version = NV_ENC_CREATE_INPUT_BUFFER_VER,
		.width = settings->width,
		.height = settings->height,
		.bufferFmt = nl_nvenc_host_format(settings),
	};
	if (nl_note(e, "NvEncCreateInputBuffer", e->api.nvEncCreateInputBuffer(e->session, &create)))
		return -1;
	*input = create.inputBuffer;
	return 0;
}

static int begin(nl_nvenc *e, const nl_settings *settings) {
	e->settings = *settings;
	if (nl_fill(e, settings, &e->params, &e->config))
		return -1;
	if (nl_note(e, "NvEncInitializeEncoder", e->api.nvEncInitializeEncoder(e->session, &e->params)))
		return -1;
	e->begun = 1;
	if (create_input(e, settings, &e->input))
		return -1;
	NV_ENC_CREATE_BITSTREAM_BUFFER create = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
	if (nl_note(e, "NvEncCreateBitstreamBuffer", e->api.nvEncCreateBitstreamBuffer(e->session, &create)))
		return -1;
	e->output = create.bitstreamBuffer;
	return 0;
}

int nl_nvenc_start(nl_nvenc *e, const nl_settings *settings) { within(e, begin(e, settings)); }

static int headers(nl_nvenc *e, uint8_t *to, int size, int *length) {
	uint32_t got = 0;
	NV_ENC_SEQUENCE_PARAM_PAYLOAD payload = {
		.version = NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER,
		.spsppsBuffer = to,
		.inBufferSize = size,
		.outSPSPPSPayloadSize = &got,
	};
	int failed = nl_note(e, "NvEncGetSequenceParams", e->api.nvEncGetSequenceParams(e->session, &payload));
	*length = got;
	return failed;
}

int nl_nvenc_headers(nl_nvenc *e, uint8_t *to, int size, int *length) { within(e, headers(e, to, size, length)); }

static int reconfigure(nl_nvenc *e, const nl_settings *settings) {
	NV_ENC_RECONFIGURE_PARAMS change = {.version = NV_ENC_RECONFIGURE_PARAMS_VER};
	NV_ENC_CONFIG config;
	if (nl_fill(e, settings, &change.reInitEncodeParams, &config))
		return -1;
	int resized = settings->width != e->settings.width || settings->height != e->settings.height;
	NV_ENC_INPUT_PTR input = NULL;
	if (resized) {
		change.resetEncoder = change.forceIDR = 1;
		if (create_input(e, settings, &input))
			return -1;
	}
	if (nl_note(e, "NvEncReconfigureEncoder", e->api.nvEncReconfigureEncoder(e->session, &change))) {
		if (input)
			e->api.nvEncDestroyInputBuffer(e->session, input);
		return -1;
	}
	if (resized) {
		e->api.nvEncDestroyInputBuffer(e->session, e->input);
		e->input = input;
		nl_drop_staging(e);
	}
	e->settings = *settings;
	e->config = config;
	e->params = change.reInitEncodeParams;
	e->params.encodeConfig = &e->config;
	return 0;
}

int nl_nvenc_reconfigure(nl_nvenc *e, const nl_settings *settings) { within(e, reconfigure(e, settings)); }

int nl_nvenc_invalidate(nl_nvenc *e, int64_t number) {
	within(e, nl_note(e, "NvEncInvalidateRefFrames", e->api.nvEncInvalidateRefFrames(e->session, number)));
}

// end frees what the driver holds. A device that was lost refuses each of these calls, and there is nothing else to do.
static void end(nl_nvenc *e) {
	if (e->begun) {
		NV_ENC_PIC_PARAMS flush = {.version = NV_ENC_PIC_PARAMS_VER, .encodePicFlags = NV_ENC_PIC_FLAG_EOS};
		e->api.nvEncEncodePicture(e->session, &flush);
	}
	nl_drop_staging(e);
	if (e->input)
		e->api.nvEncDestroyInputBuffer(e->session, e->input);
	if (e->output)
		e->api.nvEncDestroyBitstreamBuffer(e->session, e->output);
	e->api.nvEncDestroyEncoder(e->session);
}

void nl_nvenc_close(nl_nvenc *e) {
	if (e->session && enter(e) == 0) {
		end(e);
		leave(e);
	}
	free(e->bytes);
	free(e);
}
